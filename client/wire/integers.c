#include "client/wire/integers.h"

#include <errno.h>
#include <stdbool.h>

/* Reads what stands between `from` and the next CRLF as a decimal number with `prefix` before it.
 * Returns the byte after the line, `from` itself when the line is not whole, NULL when it is not
 * such a line. */
static const char* read_line(const char* from, const char* end, char prefix, int64_t* number) {
  const char* at = from;
  if (at == end) return from;
  if (*at++ != prefix) return NULL;
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  int64_t value = 0;
  const char* first = at;
  for (; at != end && *at >= '0' && *at <= '9'; ++at) {
    const int64_t digit = *at - '0';
    if (value > (INT64_MAX - digit) / 10) return NULL;
    value = value * 10 + digit;
  }
  if (at == end) return from;
  if (at == first || *at != '\r') return NULL;
  if (++at == end) return from;
  if (*at != '\n') return NULL;
  *number = negative ? -value : value;
  return at + 1;
}

int64_t rg_read_rows(const char* data, size_t size, int row, int most, int64_t fields[],
                     int* rows) {
  const char* end = data + size;
  int64_t count;
  const char* at = read_line(data, end, '*', &count);
  if (at == data) return 0;
  if (at == NULL || count <= 0 || count % row != 0 || count / row > most) return -EPROTO;
  for (int i = 0; i < count; ++i) {
    const char* next = read_line(at, end, ':', &fields[i]);
    if (next == at) return 0;
    if (next == NULL) return -EPROTO;
    at = next;
  }
  *rows = (int)(count / row);
  return at - data;
}

int64_t rg_read_integers(const char* data, size_t size, int count, int64_t fields[]) {
  int rows;
  return rg_read_rows(data, size, count, 1, fields, &rows);
}
