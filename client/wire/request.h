/* Requests in bytes: an array of bulk strings, as Redis takes them. */
#ifndef RATEGATE_CLIENT_WIRE_REQUEST_H
#define RATEGATE_CLIENT_WIRE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

/* A buffer with the bytes that were put into it. The caller sees to it that everything fits. */
struct rg_request {
  char* data;
  size_t size;
};

#define RG_MAX_HEADER 24 /* bytes of "*<n>\r\n" or "$<n>\r\n" at most */
#define RG_MAX_NUMBER 20 /* digits of a number at most */

/* Bytes that a word of `size` bytes takes in a request, at most. */
#define RG_MAX_WORD(size) (RG_MAX_HEADER + (size) + 2)

/* Each appends to the request: the head of an array, one of its words, or bytes as they are. */
void rg_put_count(struct rg_request* request, size_t words);
void rg_put_word(struct rg_request* request, const void* bytes, size_t size);
void rg_put_text(struct rg_request* request, const char* text);
void rg_put_number(struct rg_request* request, int64_t number, const char* unit); /* >= 0 */
void rg_put_raw(struct rg_request* request, const char* bytes, size_t size);

#endif
