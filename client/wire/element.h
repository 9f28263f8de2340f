/* One element of an answer in RESP2: a line, a number, a string, or the head of an array. */
#ifndef RATEGATE_CLIENT_WIRE_ELEMENT_H
#define RATEGATE_CLIENT_WIRE_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

/* Of an array it is only the head, which its elements follow. */
struct rg_element {
  char kind;        /* '+', '-', ':', '$' or '*' */
  int64_t number;   /* integer's value; string's or array's length, -1 for none */
  const char* text; /* of '+', '-' and '$'; not terminated */
  size_t size;      /* of text */
  size_t whole;     /* bytes of the element, with its kind and line ends */
};

/* Reads the element that the data begins with. 1: here it is; 0: not all of it has arrived;
 * -EPROTO: there is none. */
int rg_read_element(const char* data, size_t size, struct rg_element* element);

#endif
