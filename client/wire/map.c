#include "client/wire/map.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "client/wire/element.h"

static bool is_text(const struct rg_element* element, const char* text) {
  return element->kind == '$' && element->number >= 0 && element->size == strlen(text) &&
         memcmp(element->text, text, element->size) == 0;
}

/* The place of that name; `count`: it is none of them. */
static int place_of(const struct rg_element* name, const char* const names[], int count) {
  int place = 0;
  while (place < count && !is_text(name, names[place])) ++place;
  return place;
}

int64_t rg_read_map(const char* data, size_t size, const char* const names[], int count,
                    int64_t fields[]) {
  struct rg_element head;
  int rc = rg_read_element(data, size, &head);
  if (rc != 1) return rc;
  if (head.kind != '*' || head.number < 0 || head.number % 2 != 0) return -EPROTO;
  size_t at = head.whole;
  uint64_t found = 0; /* a bit for each of the names */
  int place = count;
  for (int64_t i = 0; i < head.number; ++i) {
    struct rg_element element;
    rc = at == size ? 0 : rg_read_element(data + at, size - at, &element);
    if (rc != 1) return rc;
    at += element.whole;
    const bool is_name = i % 2 == 0;
    if (element.kind == '*' || (is_name && element.kind != '$')) return -EPROTO;
    if (is_name) {
      place = place_of(&element, names, count);
    } else if (place < count) {
      if (element.kind != ':') return -EPROTO;
      fields[place] = element.number;
      found |= UINT64_C(1) << place;
    }
  }
  return found == (UINT64_C(1) << count) - 1 ? (int64_t)at : -EPROTO;
}
