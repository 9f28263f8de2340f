#include "client/wire/limit_name.h"

#include <string.h>

bool rg_is_limit_name(const char* text) {
  static const char allowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@";
  const size_t length = strspn(text, allowed);
  return length > 0 && length <= RG_MAX_NAME_BYTES && text[length] == '\0';
}

void rg_limit_name_set(struct rg_limit_name* name, const char* text, int64_t permits,
                       int64_t period_ms) {
  memcpy(name->text, text, strlen(text) + 1);
  name->declaration = (struct rg_request){.data = name->declaration_bytes};
  if (permits == 0) return;
  rg_put_text(&name->declaration, "LIMIT");
  rg_put_number(&name->declaration, permits, "");
  rg_put_text(&name->declaration, "PERIOD");
  rg_put_number(&name->declaration, period_ms, "ms");
}

/* Begins a request that has so many words between the key and the declaration. */
static void put_subject(struct rg_request* request, const char* verb,
                        const struct rg_limit_name* name, const void* key, size_t key_size,
                        size_t words) {
  const bool declared = name->declaration.size > 0;
  rg_put_count(request, 2 + (key_size > 0 ? 1U : 0U) + words + (declared ? 4U : 0U));
  rg_put_text(request, verb);
  rg_put_text(request, name->text);
  if (key_size > 0) rg_put_word(request, key, key_size);
}

static void put_option(struct rg_request* request, const char* option, int64_t number) {
  rg_put_text(request, option);
  rg_put_number(request, number, "");
}

void rg_put_question(struct rg_request* request, const char* verb, const struct rg_limit_name* name,
                     const void* key, size_t key_size, int64_t cost, int64_t timeout_ms) {
  const size_t words = (cost != 1 ? 2U : 0U) + (timeout_ms >= 0 ? 2U : 0U);
  put_subject(request, verb, name, key, key_size, words);
  if (cost != 1) put_option(request, "COST", cost);
  if (timeout_ms >= 0) put_option(request, "TIMEOUT", timeout_ms);
  rg_put_raw(request, name->declaration.data, name->declaration.size);
}

void rg_put_entry(struct rg_request* request, const struct rg_limit_name* name, const void* key,
                  size_t key_size, int64_t cost, int64_t timeout_ms, int64_t for_ms) {
  const size_t options =
      (cost != 1 ? 1U : 0U) + (timeout_ms > 0 ? 1U : 0U) + (for_ms > 0 ? 1U : 0U);
  put_subject(request, "ENTER", name, key, key_size, 2 * options);
  if (cost != 1) put_option(request, "COST", cost);
  if (timeout_ms > 0) put_option(request, "TIMEOUT", timeout_ms);
  if (for_ms > 0) put_option(request, "FOR", for_ms);
}

void rg_put_settlement(struct rg_request* request, const struct rg_limit_name* name,
                       const void* key, size_t key_size, int64_t took, int64_t used,
                       int64_t receipt) {
  put_subject(request, "SETTLE", name, key, key_size, 6);
  put_option(request, "TOOK", took);
  put_option(request, "USED", used);
  put_option(request, "AT", receipt);
  rg_put_raw(request, name->declaration.data, name->declaration.size);
}
