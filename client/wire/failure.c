#include "client/wire/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int rg_fail(rategate_error* error, int code, const char* format, ...) {
  if (error == NULL) return code;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return code;
}

int rg_fail_system(rategate_error* error, int code, const char* what, const char* object) {
  const char* description = strerrordesc_np(-code); /* unlike strerror, no locale and no buffer */
  return rg_fail(error, code, "%s%s%s: %s", what, *object == '\0' ? "" : " ", object,
                 description != NULL ? description : "unknown error");
}

int rg_code_of_error_line(const char* line, size_t size) {
  static const struct {
    const char* start;
    int code;
  } known[] = {
      {"NOLIMIT ", -ENOENT},
      {"STOREDOWN ", -EAGAIN},
      {"SHUTDOWN ", -ESHUTDOWN},
      {"NOPERM ", -EPERM},
      {"DENIED ", -EPERM},
      {"BUSY ", -EBUSY},
      {"ERR max number of clients", -EUSERS},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
    const size_t length = strlen(known[i].start);
    if (size >= length && memcmp(line, known[i].start, length) == 0) return known[i].code;
  }
  return -EREMOTEIO;
}
