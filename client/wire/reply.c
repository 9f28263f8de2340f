#include "client/wire/reply.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LENGTH (INT64_C(512) * 1024 * 1024) /* of a string or an array; Redis has the same */

/* One element of an answer; of an array, only its length. */
struct element {
  char kind;
  int64_t number;   /* integer's value; string's or array's length, -1 for none */
  const char* text; /* of '+', '-' and '$'; not terminated */
  size_t size;      /* of text */
  size_t whole;     /* bytes of the element, with its kind and line ends */
};

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

/* Reads the element that the data begins with. 1: here it is; 0: not all of it has arrived;
 * -EPROTO: there is none. */
static int read_element(const char* data, size_t size, struct element* element) {
  const char* line_end = memchr(data, '\n', size);
  if (line_end == NULL) return 0;
  if (line_end - data < 2 || line_end[-1] != '\r') return -EPROTO;
  const char* first = data + 1;
  const char* last = line_end - 1;
  *element = (struct element){.kind = data[0],
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

int rg_scan_on(struct rg_scan* scan, const char* data, size_t size) {
  while (scan->missing > 0) {
    struct element element;
    const int rc = size == scan->at ? 0 : read_element(data + scan->at, size - scan->at, &element);
    if (rc != 1) return rc;
    scan->at += element.whole;
    ++scan->nodes;
    --scan->missing;
    if (element.kind == '*' && element.number > 0) scan->missing += (size_t)element.number;
  }
  return 1;
}

struct builder {
  char* data;           /* where the next element begins */
  const char* end;      /* of the answer */
  rategate_reply* free; /* the first node that is not taken */
};

static int build(struct builder* builder, rategate_reply* node, int depth) {
  struct element element;
  if (depth > RG_MAX_DEPTH) return -EPROTO;
  if (read_element(builder->data, (size_t)(builder->end - builder->data), &element) != 1) {
    return -EPROTO;
  }
  char* const after = builder->data + element.whole;
  builder->data = after;
  node->type = (unsigned char)element.kind;
  node->text = "";
  if (element.kind == ':') {
    node->integer = element.number;
    return 0;
  }
  if ((element.kind == '$' || element.kind == '*') && element.number < 0) {
    node->type = RATEGATE_REPLY_NIL;
    return 0;
  }
  if (element.kind != '*') {
    node->text = element.text;
    node->size = element.size;
    after[-2] = '\0'; /* over the CR that follows the text */
    return 0;
  }
  rategate_reply* items = builder->free;
  node->size = (size_t)element.number;
  node->items = items;
  builder->free += node->size;
  for (size_t i = 0; i < node->size; ++i) {
    const int rc = build(builder, &items[i], depth + 1);
    if (rc != 0) return rc;
  }
  return 0;
}

int rg_make_reply(const struct rg_scan* scan, const char* data, rategate_reply** reply) {
  const size_t nodes_size = scan->nodes * sizeof(rategate_reply);
  rategate_reply* root = malloc(nodes_size + scan->at);
  if (root == NULL) return -ENOMEM;
  memset(root, 0, nodes_size);
  char* bytes = (char*)root + nodes_size;
  memcpy(bytes, data, scan->at);
  struct builder builder = {.data = bytes, .end = bytes + scan->at, .free = root + 1};
  const int rc = build(&builder, root, 0);
  if (rc != 0) {
    free(root);
    return rc;
  }
  *reply = root;
  return 0;
}

void rategate_reply_free(rategate_reply* reply) { free(reply); }
