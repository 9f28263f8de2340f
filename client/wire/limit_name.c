#include "client/wire/limit_name.h"

#include <stdbool.h>
#include <string.h>

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

void rg_put_question(struct rg_request* request, const char* verb, const struct rg_limit_name* name,
                     const void* key, size_t key_size, int64_t cost) {
  const bool declared = name->declaration.size > 0;
  rg_put_count(request,
               2 + (key_size > 0 ? 1U : 0U) + (cost != 1 ? 2U : 0U) + (declared ? 4U : 0U));
  rg_put_text(request, verb);
  rg_put_text(request, name->text);
  if (key_size > 0) rg_put_word(request, key, key_size);
  if (cost != 1) {
    rg_put_text(request, "COST");
    rg_put_number(request, cost, "");
  }
  rg_put_raw(request, name->declaration.data, name->declaration.size);
}
