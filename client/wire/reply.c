#include "client/wire/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/element.h"

int rg_scan_on(struct rg_scan* scan, const char* data, size_t size) {
  while (scan->missing > 0) {
    struct rg_element element;
    const int rc =
        size == scan->at ? 0 : rg_read_element(data + scan->at, size - scan->at, &element);
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
  struct rg_element element;
  if (depth > RG_MAX_DEPTH) return -EPROTO;
  if (rg_read_element(builder->data, (size_t)(builder->end - builder->data), &element) != 1) {
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
