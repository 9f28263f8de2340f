/* Failures in words, and the daemon's error words as errno values. */
#ifndef RATEGATE_CLIENT_WIRE_FAILURE_H
#define RATEGATE_CLIENT_WIRE_FAILURE_H

#include <stddef.h>

#include "rategate/rategate.h"

/* Writes the text, if `error` is not NULL, and returns `code`, a negative errno value. */
__attribute__((format(printf, 3, 4))) int rg_fail(rategate_error* error, int code,
                                                  const char* format, ...);

/* The same with the system's description of the code after "<what> <object>: ". `object` may be
 * empty. */
int rg_fail_system(rategate_error* error, int code, const char* what, const char* object);

/* What the daemon's error line (without its '-' and line end) means, as a negative errno value. */
int rg_code_of_error_line(const char* line, size_t size);

#endif
