/* rategate_command: any verb, with an answer of any shape. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/api/client.h"
#include "client/wire/deadline.h"
#include "client/wire/exchange.h"
#include "client/wire/failure.h"
#include "client/wire/reply.h"

#define MAX_WORDS 64
#define FIRST_CAPACITY 4096
#define MAX_CAPACITY ((size_t)16 * 1024 * 1024)

static size_t word_size(const char* const* words, const size_t* sizes, size_t i) {
  return sizes != NULL ? sizes[i] : strlen(words[i]);
}

static int write_request(struct rg_request* request, size_t count, const char* const* words,
                         const size_t* sizes) {
  size_t most = RG_MAX_HEADER;
  for (size_t i = 0; i < count; ++i) {
    const size_t size = word_size(words, sizes, i);
    if (size > MAX_CAPACITY) return -EINVAL;
    most += RG_MAX_WORD(size);
  }
  request->data = malloc(most);
  if (request->data == NULL) return -ENOMEM;
  rg_put_count(request, count);
  for (size_t i = 0; i < count; ++i) {
    rg_put_word(request, words[i], word_size(words, sizes, i));
  }
  return 0;
}

int rategate_command(rategate_client* client, size_t count, const char* const* words,
                     const size_t* sizes, rategate_reply** reply, rategate_error* error) {
  if (client == NULL || words == NULL || reply == NULL || count < 1 || count > MAX_WORDS) {
    return rg_fail(error, -EINVAL, "a command of 1 to %d words and a place for the answer",
                   MAX_WORDS);
  }
  rg_after_fork(client);
  const struct rg_call call = {.deadline = rg_after_ms(rg_now(), (int64_t)client->timeout_ms),
                               .cancel_fd = -1,
                               .error = error};
  struct rg_request request = {0};
  struct rg_answer answer = {
      .data = malloc(FIRST_CAPACITY), .capacity = FIRST_CAPACITY, .may_grow_to = MAX_CAPACITY};
  int rc = answer.data == NULL ? -ENOMEM : write_request(&request, count, words, sizes);
  if (rc == 0) {
    rc = rg_exchange(&client->connections, &request, &answer, &call, NULL);
    if (rc == 0) {
      rc = rg_make_reply(&answer.scan, answer.data, reply);
      if (rc != 0) rg_fail_system(error, rc, "cannot read the answer", "");
    }
  } else {
    rg_fail_system(error, rc, "cannot write the command", "");
  }
  free(request.data);
  free(answer.data);
  return rc;
}
