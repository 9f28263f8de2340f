#include "client/wire/request.h"

#include <string.h>

/* Writes the digits at the end of `buffer` and returns the first one. */
static char* digits(char buffer[static RG_MAX_NUMBER], uint64_t number) {
  char* at = buffer + RG_MAX_NUMBER;
  do {
    *--at = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  return at;
}

static void put_header(struct rg_request* request, char kind, size_t number) {
  char buffer[RG_MAX_NUMBER];
  const char* first = digits(buffer, number);
  rg_put_raw(request, &kind, 1);
  rg_put_raw(request, first, (size_t)(buffer + sizeof buffer - first));
  rg_put_raw(request, "\r\n", 2);
}

void rg_put_raw(struct rg_request* request, const char* bytes, size_t size) {
  if (size == 0) return; /* bytes may be NULL then */
  memcpy(request->data + request->size, bytes, size);
  request->size += size;
}

void rg_put_count(struct rg_request* request, size_t words) { put_header(request, '*', words); }

void rg_put_word(struct rg_request* request, const void* bytes, size_t size) {
  put_header(request, '$', size);
  rg_put_raw(request, bytes, size);
  rg_put_raw(request, "\r\n", 2);
}

void rg_put_text(struct rg_request* request, const char* text) {
  rg_put_word(request, text, strlen(text));
}

void rg_put_number(struct rg_request* request, int64_t number, const char* unit) {
  char buffer[RG_MAX_NUMBER];
  const char* first = digits(buffer, (uint64_t)number);
  const size_t size = (size_t)(buffer + sizeof buffer - first);
  put_header(request, '$', size + strlen(unit));
  rg_put_raw(request, first, size);
  rg_put_raw(request, unit, strlen(unit));
  rg_put_raw(request, "\r\n", 2);
}
