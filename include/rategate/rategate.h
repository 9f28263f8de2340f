/* rategate: ask this host's rategate daemon "may I do this now?" before doing it.
 *
 *   rategate_client *client;
 *   rategate_limit *api;
 *   rategate_decision d;
 *   rategate_open(&client, NULL);
 *   rategate_resolve(client, "api", 0, 0, &api);
 *   if (rategate_check(api, "alice", 5, 1, &d, NULL) == 0 && d.allowed) do_the_work();
 *   rategate_close(client);
 *
 * Conventions:
 *  1. Functions that can fail return 0, or the negative of an errno value (the list is below).
 *     What they would have written through a pointer is untouched when they fail, except a
 *     rategate_error, which is written only when they fail.
 *  2. Being denied is not a failure of rategate_check: it is a decision.
 *  3. Everything is thread-safe but rategate_close. Threads that ask at the same time use a
 *     connection each; a connection is kept for the next caller. No locks are held.
 *  4. fork() is safe at any moment: a child uses the same client, handles and shared memory, and
 *     connects anew. A child made by vfork() may only exec. A child may close all descriptors that
 *     it does not know, as with close_range(): what has their numbers then is left alone.
 *  5. Every call returns within its time-out. No signal is raised (a lost connection is no
 *     SIGPIPE), signals do not interrupt a call, nothing is printed, descriptors are close-on-exec.
 *  6. rategate_check and rategate_acquire allocate no memory, but for records of some bytes: one
 *     when more threads ask at the same time than ever before, one of a handle's limit when its
 *     definition or the daemon is new, one for a daemon's shared memory.
 *  7. A daemon that was restarted is noticed: a call whose connection ends before an answer
 *     connects again and repeats its request once. If the lost request had been counted, it is
 *     counted twice, which is safe: a limit may be used less than it could, never more.
 *  8. The first call on a connection also asks the daemon for its shared memory, and the first on
 *     a handle what that limit is in there; where that is refused, the socket it is, and some
 *     checks later they are asked again. From then on a check is decided in the calling process,
 *     and makes no system call, when permits for its key lie there or its window is known to be
 *     used up. Otherwise it asks the daemon. Both ways give the same
 *     answer, but for what protocol.md says of reset_after_ms. Between two windows
 *     the call waits for the next one to open.
 *  9. Shared memory takes one descriptor for the daemon's socket of hints, and address space of a
 *     few MiB for each start of the daemon that is seen, until rategate_close.
 *
 * Error values:
 *  -EINVAL        an argument is out of its range
 *  -ENAMETOOLONG  the socket's path is longer than a Unix socket's may be (107 bytes)
 *  -ENOMEM, -EMFILE, -ENFILE, ...  the system's own
 *  -ECONNREFUSED  nothing listens at the socket's path, or there is no such path
 *  -EACCES        this user may not connect to the socket
 *  -ECONNRESET    the daemon hung up in the middle of its answer, or before it twice
 *  -ETIMEDOUT     the daemon did not answer in time; of rategate_acquire: its own time was over
 *  -EHOSTDOWN     rategate_acquire: the daemon did not answer in options.timeout_ms
 *  -EPROTO        what answers there is not a rategate daemon, or a newer one
 *  -ENOENT        the daemon has no limit of that name
 *  -EAGAIN        the daemon's store is away, and the limit says that this is an error
 *  -ESHUTDOWN     the daemon is stopping
 *  -EPERM         the daemon does not permit it
 *  -EUSERS        the daemon has as many clients as it may have
 *  -EBUSY         the daemon has as many unread answers as it may have
 *  -EREMOTEIO     the daemon answered with another error, which rategate_error has in words
 *  -EMSGSIZE      rategate_command: the answer is above 16 MiB
 *  -ERANGE        rategate_acquire: the cost never fits, so that waiting is no use
 *  -ECANCELED     rategate_acquire: rategate_cancel was called
 *  -EBADF         rategate_acquire: the program has closed the client's descriptors, and not in a
 *                 child before its first call
 *
 * Of these, -ECONNREFUSED to -EHOSTDOWN, -EAGAIN, -ESHUTDOWN and -EUSERS say that the daemon or its
 * store is away. All others are about the question, or this process: who lets calls pass during an
 * outage must not let those pass, since it is the caller who chooses a key that is too long.
 *
 * Needs Linux 4.14 or later.
 */
#ifndef RATEGATE_RATEGATE_H
#define RATEGATE_RATEGATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RATEGATE_API __attribute__((visibility("default")))
#else
#define RATEGATE_API
#endif

/* Where the daemon listens unless options or $RATEGATE_SOCKET say otherwise. */
#define RATEGATE_DEFAULT_SOCKET "/run/rategate/rategate.sock"

/* The limit whose counter in Redis is that of the well-known recipe, "rate-limit:<unix second>",
 * when it is declared per second and asked without a key. */
#define RATEGATE_RECIPE_LIMIT "rate-limit"

#define RATEGATE_MAX_NAME 64         /* bytes of a limit's name */
#define RATEGATE_MAX_KEY 512         /* bytes of a key */
#define RATEGATE_MAX_COST 1000000000 /* permits of a limit, and of one call */

typedef struct rategate_client rategate_client; /* a client; owns its connections and handles */
typedef struct rategate_limit rategate_limit;   /* a resolved limit; belongs to its client */

/* Set all bytes to zero, then `size`; what is zero has its default. */
typedef struct rategate_options {
  size_t size;             /* sizeof(rategate_options): tells the library which members there are */
  const char* socket_path; /* copied. NULL: $RATEGATE_SOCKET if set (and the program is not
                              setuid), else RATEGATE_DEFAULT_SOCKET */
  uint32_t timeout_ms;     /* for a call to connect, ask and be answered. 0: 5000 */
  uint32_t max_idle;       /* connections kept open between calls. 0: 64 */
  uint32_t flags;          /* RATEGATE_NO_SHM or 0 */
} rategate_options;

/* In options.flags: ask over the socket only. */
#define RATEGATE_NO_SHM UINT32_C(1)

typedef enum rategate_reason {
  RATEGATE_COUNTED = 0,           /* allowed: the permits are in the store's counter */
  RATEGATE_OVER_LIMIT = 1,        /* denied: the window, or bucket, has less left */
  RATEGATE_STORE_AWAY = 2,        /* decided by the limit's on_store_down; not the caller's fault */
  RATEGATE_NEVER_FITS = 3,        /* denied: the cost is above limit or burst */
  RATEGATE_CLOCK_NOT_TRUSTED = 4, /* denied: the daemon cannot tell the window */
} rategate_reason;

typedef struct rategate_decision {
  int32_t allowed;   /* 1 or 0 */
  int32_t reason;    /* a rategate_reason; later versions may have more */
  int64_t limit;     /* permits per period */
  int64_t remaining; /* permits of the window that this host could still give out, or what is in
                        the token bucket: an estimate, not a promise; -1 where that is not
                        known (reasons 2 to 4) */
  int64_t retry_after_ms; /* when asking again may help: 0 when allowed; -1 when the cost can never
                             fit */
  int64_t reset_after_ms; /* until the window is over and the next one open, or the bucket is full,
                             rounded up */
  int64_t window_end_ms;  /* end of the window that was decided in, ms of the store's clock; 0
                             where the daemon decided */
  int64_t decided_ns;     /* the reading of CLOCK_MONOTONIC, or of its coarse sister, by which it
                             was decided in shared memory; 0 where the daemon decided */
} rategate_decision;

/* Why a call failed, in words: the daemon's own where it answered. Ends with a NUL. */
typedef struct rategate_error {
  char text[256];
} rategate_error;

/* Makes a client. Does not connect: that is left to the first call that asks, so a program may
 * start before its daemon. `options` may be NULL.
 * Errors: -EINVAL (options->size), -ENAMETOOLONG, -ENOMEM, -EMFILE. */
RATEGATE_API int rategate_open(rategate_client** client, const rategate_options* options);

/* Ends the client, its connections and its handles. No other call may be running on it, or come
 * after it. NULL is ignored. */
RATEGATE_API void rategate_close(rategate_client* client);

/* The path this client asks at. Valid until rategate_close. */
RATEGATE_API const char* rategate_socket_path(const rategate_client* client);

/* Gives a handle for the limit of that name: 1 to RATEGATE_MAX_NAME of letters, digits and
 * "_-./@". With permits and period_ms zero it is a limit that the daemon is configured with. Else
 * they declare it for a daemon that has none of that name: permits 1 to RATEGATE_MAX_COST per
 * period of 10 ms to 31 days. Does not ask the daemon: that it knows no such limit is told by the
 * first check. The same arguments give the same handle; it is valid until rategate_close, and
 * memory grows with each new one, so subjects (users, addresses) belong into the key instead.
 * Errors: -EINVAL, -ENOMEM. */
RATEGATE_API int rategate_resolve(rategate_client* client, const char* name, int64_t permits,
                                  int64_t period_ms, rategate_limit** limit);

/* Asks whether `cost` permits (1 to RATEGATE_MAX_COST) may be had now for the key (0 to
 * RATEGATE_MAX_KEY bytes of any value; may be NULL where key_size is 0), all or none. `error` may
 * be NULL. Takes at most options.timeout_ms. */
RATEGATE_API int rategate_check(rategate_limit* limit, const void* key, size_t key_size,
                                int64_t cost, rategate_decision* decision, rategate_error* error);

/* The same, but waits while it is denied: sleeps until retry_after_ms plus a jitter of up to a
 * tenth of the period, at most 100 ms, and asks again; it asks every one to two seconds anyway, so
 * that it goes on when a limit has been raised. Returns 0 once it is allowed; -ETIMEDOUT
 * when timeout_ms have passed (0 asks once, -1 waits for ever); -ECANCELED after rategate_cancel;
 * -ERANGE when the cost can never fit. A question under way at the deadline is given another
 * 100 ms for its answer. Once the daemon has answered, a restart of it, or a store that is away,
 * is waited out for up to options.timeout_ms before it is returned as an error. */
RATEGATE_API int rategate_acquire(rategate_limit* limit, const void* key, size_t key_size,
                                  int64_t cost, int64_t timeout_ms, rategate_decision* decision,
                                  rategate_error* error);

/* Makes each rategate_acquire on this client return -ECANCELED: those that wait, at once, and
 * those that come later. For a program that ends; there is no way back but another client. A
 * child has what its parent had at fork(), and does not cancel the parent's. May be called from
 * any thread, and from a signal handler. */
RATEGATE_API void rategate_cancel(rategate_client* client);

typedef enum rategate_reply_type {
  RATEGATE_REPLY_STRING = '$', /* text, size: bytes of any value */
  RATEGATE_REPLY_STATUS = '+', /* text, size: one line, such as "PONG" */
  RATEGATE_REPLY_ERROR = '-',  /* text, size: only inside an array */
  RATEGATE_REPLY_INTEGER = ':',
  RATEGATE_REPLY_ARRAY = '*', /* items, size */
  RATEGATE_REPLY_NIL = '_',
} rategate_reply_type;

typedef struct rategate_reply {
  int32_t type; /* a rategate_reply_type: says which of the members below count */
  int64_t integer;
  const char* text; /* never NULL; a NUL follows the last byte */
  size_t size;      /* bytes of text, or number of items */
  const struct rategate_reply* items;
} rategate_reply;

/* Sends any other verb, such as PING or INFO, and gives its answer in RESP2's shapes. `words` are
 * `count` (1 to 64) words; `sizes` their lengths in bytes, or NULL when each ends with a NUL. The
 * caller frees the answer with rategate_reply_free. An error as answer is a failure of the call.
 * Verbs that change their connection (HELLO 3) are of no use here: connections are shared. */
RATEGATE_API int rategate_command(rategate_client* client, size_t count, const char* const* words,
                                  const size_t* sizes, rategate_reply** reply,
                                  rategate_error* error);

/* NULL is ignored. */
RATEGATE_API void rategate_reply_free(rategate_reply* reply);

/* The library's version, such as "1.2.3". */
RATEGATE_API const char* rategate_version(void);

#ifdef __cplusplus
}
#endif

#endif
