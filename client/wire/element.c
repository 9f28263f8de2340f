#include "client/wire/element.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MAX_LENGTH (INT64_C(512) * 1024 * 1024) /* of a string or an array; Redis has the same */

static bool parse_number(const char* from, const char* end, int64_t* number) {
  const bool negative = from != end && *from == '-';
  if (negative) ++from;
  if (from == end) return false;
  int64_t value = 0;
  for (; from != end; ++from) {
    if (*from < '0' || *from > '9' || value > (INT64_MAX - 9) / 10) return false;
    value = value * 10 + (*from - '0');
  }
  *number = negative ? -value : value;
  return true;
}

int rg_read_element(const char* data, size_t size, struct rg_element* element) {
  const char* line_end = memchr(data, '\n', size);
  if (line_end == NULL) return 0;
  if (line_end - data < 2 || line_end[-1] != '\r') return -EPROTO;
  const char* first = data + 1;
  const char* last = line_end - 1;
  *element = (struct rg_element){.kind = data[0],
                                 .text = first,
                                 .size = (size_t)(last - first),
                                 .whole = (size_t)(line_end + 1 - data)};
  if (element->kind == '+' || element->kind == '-') return 1;
  if (memchr(":$*", element->kind, 3) == NULL || !parse_number(first, last, &element->number)) {
    return -EPROTO;
  }
  if (element->kind == ':') return 1;
  if (element->number < -1 || element->number > MAX_LENGTH) return -EPROTO;
  if (element->kind == '*' || element->number < 0) return 1;
  element->text = line_end + 1;
  element->size = (size_t)element->number;
  const size_t left = size - element->whole;
  if (left < element->size + 2) return 0;
  if (memcmp(element->text + element->size, "\r\n", 2) != 0) return -EPROTO;
  element->whole += element->size + 2;
  return 1;
}
