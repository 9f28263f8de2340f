/* rategate_http_fields: what a decision says, as fields of an HTTP response. It knows neither the
 * client nor the daemon. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/wire/limit_name.h"
#include "rategate/rategate.h"
#include "shm/bounds.h"

#define MAX_INTEGER INT64_C(999999999999999) /* of a structured field: RFC 9651, 3.3.1 */
#define LEFT_OUT INT64_C(-1)

/* The numbers of the fields, by the letters of the draft; times in seconds. */
struct values {
  int64_t q;
  int64_t w;
  int64_t r;
  int64_t t;
  int64_t reset;
  int64_t retry_after;
};

struct lines {
  char text[RATEGATE_MAX_HTTP_FIELDS];
  size_t size;
};

static bool is_of_no_limit(const rategate_decision* decision) {
  return (decision->reason == RATEGATE_BLOCKED && decision->limit == 0) ||
         (decision->reason == RATEGATE_UNLIMITED && decision->limit == -1);
}

static bool valid(const char* name, int64_t period_ms, int64_t burst,
                  const rategate_decision* decision) {
  const int64_t longest = burst > 0 ? RG_MAX_PERIOD_MS : RG_MAX_WINDOW_MS;
  return name != NULL && rg_is_limit_name(name) &&
         (period_ms == 0 || (period_ms >= RG_MIN_PERIOD_MS && period_ms <= longest)) &&
         burst >= 0 && burst <= RG_MAX_PERMITS && decision != NULL &&
         (decision->limit >= 1 || is_of_no_limit(decision)) && decision->limit <= RG_MAX_PERMITS &&
         decision->remaining >= -1 && decision->retry_after_ms >= -1 &&
         decision->reset_after_ms >= 0;
}

static int64_t divide_up(int64_t number, int64_t by) {
  return number / by + (number % by != 0 ? 1 : 0);
}

static int64_t seconds_up(int64_t ms) { return divide_up(ms, 1000); }

static int64_t window(int64_t period_ms, int64_t burst, int64_t limit) {
  if (burst == 0) {
    return period_ms > 0 && period_ms % 1000 == 0 ? period_ms / 1000 : LEFT_OUT;
  }
  /* A permit flows in each period_ms / limit, so this is told in parts of a ms, `limit` to one. At
   * most 2.7e18, of the 9.2e18 that fit. */
  const int64_t fills_after = period_ms * burst;
  const int64_t second = 1000 * limit;
  return fills_after >= second ? divide_up(fills_after, second) : LEFT_OUT;
}

/* The next permit is there when the time until the bucket is full is a whole number of permits'
 * times. In the same parts of a ms; taken modulo the period before it is multiplied, it fits. */
static int64_t until_next_permit(int64_t period_ms, const rategate_decision* decision) {
  if (period_ms == 0 || decision->reset_after_ms == 0) return LEFT_OUT;
  const int64_t until_full = decision->reset_after_ms % period_ms * decision->limit;
  const int64_t over = until_full % period_ms;
  return divide_up(over > 0 ? over : period_ms, 1000 * decision->limit);
}

static int64_t until_more(int64_t period_ms, int64_t burst, const rategate_decision* decision) {
  if (!decision->allowed) {
    return decision->retry_after_ms >= 0 ? seconds_up(decision->retry_after_ms) : LEFT_OUT;
  }
  return burst > 0 ? until_next_permit(period_ms, decision) : seconds_up(decision->reset_after_ms);
}

static struct values values_of(int64_t period_ms, int64_t burst,
                               const rategate_decision* decision) {
  const bool wait = !decision->allowed && decision->retry_after_ms > 0;
  struct values values = {
      .q = burst > 0 ? burst : decision->limit,
      .w = window(period_ms, burst, decision->limit),
      .r = LEFT_OUT,
      .t = LEFT_OUT,
      .reset = LEFT_OUT,
      .retry_after = wait ? seconds_up(decision->retry_after_ms) : LEFT_OUT,
  };
  /* Where it is not known what is left, the time of the reset is a guess, too. */
  if (decision->remaining >= 0) {
    values.r = decision->remaining;
    values.t = until_more(period_ms, burst, decision);
    values.reset = seconds_up(decision->reset_after_ms);
  }
  return values;
}

static bool can_be_written(const struct values* values) {
  return values->w <= MAX_INTEGER && values->r <= MAX_INTEGER && values->t <= MAX_INTEGER &&
         values->reset <= MAX_INTEGER && values->retry_after <= MAX_INTEGER;
}

/* All of it fits, because names and numbers are as long as they may be, and no longer. */
static void put_text(struct lines* lines, const char* text) {
  const size_t size = strlen(text);
  memcpy(lines->text + lines->size, text, size + 1);
  lines->size += size;
}

static void put(struct lines* lines, const char* before, int64_t number, const char* behind) {
  if (number == LEFT_OUT) return;
  char digits[24];
  snprintf(digits, sizeof digits, "%" PRId64, number);
  put_text(lines, before);
  put_text(lines, digits);
  put_text(lines, behind);
}

static void put_name(struct lines* lines, const char* field, const char* name) {
  put_text(lines, field);
  put_text(lines, ": \"");
  put_text(lines, name);
  put_text(lines, "\"");
}

static void put_fields(struct lines* lines, const char* name, const struct values* values) {
  put_name(lines, "RateLimit-Policy", name);
  put(lines, ";q=", values->q, "");
  put(lines, ";w=", values->w, "");
  put_text(lines, "\r\n");
  if (values->r != LEFT_OUT) {
    put_name(lines, "RateLimit", name);
    put(lines, ";r=", values->r, "");
    put(lines, ";t=", values->t, "");
    put_text(lines, "\r\n");
  }
  put(lines, "X-RateLimit-Limit: ", values->q, "\r\n");
  put(lines, "X-RateLimit-Remaining: ", values->r, "\r\n");
  put(lines, "X-RateLimit-Reset: ", values->reset, "\r\n");
  put(lines, "Retry-After: ", values->retry_after, "\r\n");
}

int rategate_http_fields(const char* name, int64_t period_ms, int64_t burst,
                         const rategate_decision* decision, char* buffer, size_t size) {
  if (buffer == NULL || !valid(name, period_ms, burst, decision)) return -EINVAL;
  if (is_of_no_limit(decision)) {
    if (size == 0) return -ENOSPC;
    buffer[0] = '\0';
    return 0;
  }
  const struct values values = values_of(period_ms, burst, decision);
  if (!can_be_written(&values)) return -EINVAL;
  struct lines lines = {.size = 0};
  put_fields(&lines, name, &values);
  if (lines.size >= size) return -ENOSPC;
  memcpy(buffer, lines.text, lines.size + 1);
  return (int)lines.size;
}
