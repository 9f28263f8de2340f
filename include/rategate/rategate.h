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
 *  1. Functions that can fail return 0, or the negative of an errno value (the list is below);
 *     rategate_http_fields returns a length in place of 0.
 *     What they would have written through a pointer is untouched when they fail, except a
 *     rategate_error, which is written only when they fail.
 *  2. Being denied is not a failure of rategate_check, rategate_peek and rategate_enter: it is a
 *     decision.
 *  3. Everything is thread-safe but rategate_close, and calls on one entry. Threads that ask at
 *     the same time use a connection each; a connection is kept for the next caller. No locks are
 *     held.
 *  4. fork() is safe at any moment: a child uses the same client, handles and shared memory, and
 *     connects anew. A child made by vfork() may only exec. A child may close all descriptors that
 *     it does not know, as with close_range(): what has their numbers then is left alone.
 *     Entries by connection stay the parent's (rategate_enter).
 *  5. Every call returns within its time-out (rategate_acquire and rategate_enter say which; what
 *     is said here of rategate_acquire holds for rategate_acquirex too). No signal is raised (a
 *     lost connection is no SIGPIPE), signals do not interrupt a call, nothing is printed,
 *     descriptors are close-on-exec.
 *  6. rategate_check, rategate_peek, rategate_settle, rategate_clear and rategate_acquire allocate
 *     no memory, but for records of some bytes: one when more threads ask at the same time than
 *     ever before, one of a handle's limit when its definition or the daemon is new, one for a
 *     daemon's shared memory. rategate_enter allocates an entry.
 *  7. A daemon that was restarted is noticed: a call whose connection ends before an answer
 *     connects again and repeats its request once. If the lost request had been counted, it is
 *     counted twice, which is safe: a limit may be used less than it could, never more.
 *     rategate_settle alone is not repeated: a settlement that is made twice gives back twice.
 *     rategate_acquire and rategate_enter ask again for what is left of their time.
 *  8. The first check on a connection also asks the daemon for its shared memory, and the first on
 *     a handle what that limit is in there; where that is refused, the socket it is, and some
 *     checks later they are asked again. From then on a check is decided in the calling process,
 *     and makes no system call, when permits for its key lie there or its window is known to be
 *     used up. Otherwise it asks the daemon. Both ways give the same
 *     answer, but for what protocol.md says of reset_after_ms, and for retry_after_ms of a sliding
 *     window: in place it is until one permit is there, whatever the cost. Between two windows the
 *     call waits for the next one to open.
 *  9. Shared memory takes one descriptor for the daemon's socket of hints, and address space of a
 *     few MiB for each start of the daemon that is seen, until rategate_close.
 *
 * Error values:
 *  -EINVAL        an argument is out of its range
 *  -ENAMETOOLONG  the socket's path is longer than a Unix socket's may be (107 bytes)
 *  -ENOMEM, -EMFILE, -ENFILE, ...  the system's own
 *  -ECONNREFUSED  nothing listens at the socket's path, or there is no such path
 *  -EACCES        this user may not connect to the socket
 *  -ECONNRESET    the daemon hung up in the middle of its answer, or before it twice; of
 *                 rategate_settle: or once; of rategate_acquire: again and again
 *  -ETIMEDOUT     the daemon did not answer in time; of rategate_acquire: its own time was over
 *  -EHOSTDOWN     rategate_acquire, rategate_enter: the daemon did not answer in
 *                 options.timeout_ms, beyond what it was asked to wait
 *  -EPROTO        what answers there is not a rategate daemon, or a newer one
 *  -ENOENT        the daemon has no limit of that name
 *  -EAGAIN        the daemon's store is away, and the limit says that this is an error
 *  -ESHUTDOWN     the daemon is stopping
 *  -EPERM         the daemon does not permit it
 *  -EUSERS        the daemon has as many clients as it may have
 *  -EBUSY         the daemon has as many unread answers as it may have; of rategate_acquire: or as
 *                 many that wait (max_parked, max_parked_per_key); of rategate_enter: or as many
 *                 that have entered, or this client has RATEGATE_MAX_ENTRIES
 *  -EREMOTEIO     the daemon answered with another error, which rategate_error has in words
 *  -EMSGSIZE      rategate_command: the answer is above 16 MiB
 *  -ENOSPC        rategate_http_fields: the buffer is too small
 *  -ERANGE        rategate_acquire: the cost never fits, so that waiting is no use
 *  -ESTALE        rategate_stay, rategate_leave: the entry was over before
 *  -ECANCELED     rategate_acquire, rategate_enter: rategate_cancel was called
 *  -EBADF         rategate_acquire, rategate_enter: the program has closed the client's
 *                 descriptors, and not in a child before its first call
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
typedef struct rategate_entry rategate_entry;   /* work that has entered; belongs to its client */

/* Set all bytes to zero, then `size`; what is zero has its default. */
typedef struct rategate_options {
  size_t size;             /* sizeof(rategate_options): tells the library which members there are */
  const char* socket_path; /* copied. NULL: $RATEGATE_SOCKET if set (and the program is not
                              setuid), else RATEGATE_DEFAULT_SOCKET */
  uint32_t timeout_ms;     /* for a call to connect, ask and be answered. 0: 5000 */
  uint32_t max_idle;       /* connections kept open between calls. 0: 64 */
  uint32_t flags;          /* RATEGATE_NO_SHM, RATEGATE_RECEIPTS, both or 0 */
} rategate_options;

/* In options.flags: ask over the socket only. */
#define RATEGATE_NO_SHM UINT32_C(1)

/* In options.flags: for programs that call rategate_settle. Checks that go to the daemon are asked
 * by CHECKX, and those that wait by ACQUIREX, with a longer answer, and their decisions have
 * receipts, too. */
#define RATEGATE_RECEIPTS UINT32_C(2)

typedef enum rategate_reason {
  RATEGATE_COUNTED = 0,           /* allowed: the permits are in the store's counter */
  RATEGATE_OVER_LIMIT = 1,        /* denied: the window, or bucket, has less left */
  RATEGATE_STORE_AWAY = 2,        /* decided by the limit's on_store_down; not the caller's fault */
  RATEGATE_NEVER_FITS = 3,        /* denied: the cost is above limit or burst */
  RATEGATE_CLOCK_NOT_TRUSTED = 4, /* denied: the daemon cannot tell the window */
  RATEGATE_BLOCKED = 5,           /* denied: a rule blocks the key, or a denial before */
  RATEGATE_UNLIMITED = 6,         /* allowed: a rule lets the key pass; nothing is counted */
} rategate_reason;

typedef struct rategate_decision {
  int32_t allowed;   /* 1 or 0 */
  int32_t reason;    /* a rategate_reason; later versions may have more */
  int64_t limit;     /* permits per period; 0: the key is blocked; -1: it is unlimited */
  int64_t remaining; /* permits of the window that this host could still give out, or what is in
                        the token bucket: an estimate, not a promise; -1 where that is not
                        known (reasons 2 to 4, and 6) */
  int64_t retry_after_ms; /* when asking again may help: 0 when allowed; -1 when it cannot: the
                             cost can never fit, or the key is blocked */
  int64_t reset_after_ms; /* until the window is over and the next one open, or the bucket is full,
                             rounded up */
  /* Where it was decided in shared memory: the end of the window, or slice, that it is of, ms
   * of the store's clock; of a denial by slices 0. Where the daemon decided: 0, but with
   * RATEGATE_RECEIPTS the number by which rategate_settle gives back: mostly the same end; of a
   * token bucket the end of its slice or the moment of the answer; 0 where nothing was taken. */
  int64_t window_end_ms;
  int64_t decided_ns; /* the reading of CLOCK_MONOTONIC, or of its coarse sister, by which it
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
 * after it; so its entries are to be left before. NULL is ignored. */
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

/* Says what rategate_check with the same arguments would decide now, and takes nothing: `remaining`
 * is what there is before that check. An estimate: that it is allowed reserves nothing, so that the
 * check after it may be denied. Always asks the daemon over the socket, also where checks are
 * decided in shared memory: the daemon books what clients took there before it answers. Of a limit
 * of concurrency it says what rategate_enter without a time-out would, as far as the daemon knows
 * without asking the store: `remaining` is -1 where it knows nothing. May be called from any
 * thread. Takes at most options.timeout_ms. An older daemon, which has no PEEK, is -EREMOTEIO. */
RATEGATE_API int rategate_peek(rategate_limit* limit, const void* key, size_t key_size,
                               int64_t cost, rategate_decision* decision, rategate_error* error);

/* One of the limits of rategate_check_all: `cost` permits (1 to RATEGATE_MAX_COST) of the limit for
 * the key (0 to RATEGATE_MAX_KEY bytes; may be NULL where key_size is 0). */
typedef struct rategate_member {
  rategate_limit* limit;
  const void* key;
  size_t key_size;
  int64_t cost;
} rategate_member;
#define RATEGATE_MAX_MEMBERS 8

/* Asks for permits of several limits in one decision: of all of them, or of none
 * (docs/combined.md). `count` is 1 to RATEGATE_MAX_MEMBERS; windows and parents of a limit count as
 * one each in the daemon. The limits are configured ones (permits 0 in rategate_resolve), all of
 * one client. The decision is of one of them, and *named, which may be NULL, becomes its place in
 * `members`: denied, of those known to deny, the one with the longest retry_after_ms; allowed, the
 * one of which the smallest part is left. window_end_ms is 0: there is no receipt, also with
 * RATEGATE_RECEIPTS, so that nothing can be given back. Decides in shared memory where all of them,
 * with their windows and parents, have their permits there, and else asks the daemon.
 * `error` may be NULL. May be called from any thread. Takes at most options.timeout_ms.
 * Errors: -EREMOTEIO: the limits have more windows and parents than that, or the daemon is older
 * and has no CHECKALL; -EINVAL, and those of rategate_check. */
RATEGATE_API int rategate_check_all(const rategate_member* members, size_t count,
                                    rategate_decision* decision, size_t* named,
                                    rategate_error* error);

/* Says what was used of permits that a check for the same limit and key has taken: `took` is the
 * cost that was allowed, `used` what was used of it, both 0 to RATEGATE_MAX_COST, and `receipt`
 * (0 or more) the window_end_ms of that decision, for which the client needs RATEGATE_RECEIPTS.
 * *back becomes how many permits were taken back; negative: so many were charged, because more was
 * used. It is 0 where nothing comes back, as when the window is over (docs/settling.md). Always
 * asks the daemon over the socket, and at most once: where the connection ends before the answer it
 * returns -ECONNRESET, and nobody knows whether it was settled, nor after -ETIMEDOUT. Not to be
 * repeated by the caller either: settled twice, it gives back twice; never settled, all that was
 * taken stays charged, which is safe. `error` may be NULL. May be called from any thread. Takes at
 * most options.timeout_ms.
 * Errors: -EPERM: this user may not use shared memory, and so not say what was used; -EREMOTEIO:
 * the limit's settle is off, the receipt is above 2^53 - 1, or the daemon is older and has no
 * SETTLE; -EINVAL, and those of rategate_check. */
RATEGATE_API int rategate_settle(rategate_limit* limit, const void* key, size_t key_size,
                                 int64_t took, int64_t used, int64_t receipt, int64_t* back,
                                 rategate_error* error);

/* Lets the limit begin anew for the key, on all hosts: nothing that was taken in its open window is
 * counted any more, a token bucket is full. *cleared becomes how many permits were counted, or were
 * lacking in the bucket: 0 where there was nothing to clear. Other hosts may still spend what they
 * hold leased (docs/clearing.md). Asks the daemon over the socket, which answers when its store has
 * done it: a check that begins after it sees it, also in shared memory on this host. Said twice,
 * it is as if it had been said later alone. `error` may be NULL. May be called from any thread.
 * Takes at most options.timeout_ms.
 * Errors: -EPERM: this user may not administer the limits; -EAGAIN: the store has not done it, or
 * nobody knows whether it has; -EREMOTEIO: the daemon is older and has no CLEAR; -EINVAL, and those
 * of rategate_check. */
RATEGATE_API int rategate_clear(rategate_limit* limit, const void* key, size_t key_size,
                                int64_t* cleared, rategate_error* error);

/* Like rategate_check, but waits where it would be denied. What is not in shared memory the daemon
 * is asked for by ACQUIRE, on a connection of this call's own: it answers when there are permits,
 * and those who wait on one host are served in the order in which they came. Nobody asks meanwhile.
 * Where the daemon denies it earlier (the time-out is above its max_wait, the limit was changed, it
 * knows that there will be none in time), this sleeps until retry_after_ms plus a jitter of up to a
 * tenth of the period, at most 100 ms, or for one to two seconds where that is sooner, and asks
 * again, at the end of the line. A daemon older than ACQUIRE is asked by CHECK in the same way.
 *
 * Returns 0 once it is allowed; -ETIMEDOUT when timeout_ms have passed (0 asks once, -1 waits for
 * ever); -ECANCELED after rategate_cancel; -ERANGE when the cost can never fit, or the key is
 * blocked. An answer is waited for until options.timeout_ms after that time-out; with -1 the daemon
 * is asked to wait for a minute at a time, so that one that hangs is noticed. Once the daemon has
 * been reached, a restart of it, a store that is away, or a daemon in which as many wait as may, is
 * waited out for up to options.timeout_ms before it is returned as an error. */
RATEGATE_API int rategate_acquire(rategate_limit* limit, const void* key, size_t key_size,
                                  int64_t cost, int64_t timeout_ms, rategate_decision* decision,
                                  rategate_error* error);

/* Begins work under a limit of concurrency (docs/concurrency.md), with `cost` of its slots. Denied,
 * it waits until others leave, in the daemon's line, first come first served: for timeout_ms; 0
 * asks once, -1 waits for ever. Returns 0 with a decision: allowed, *entry is what rategate_leave
 * takes; denied when the time is over, or at once where the cost can never fit, *entry is NULL. The
 * decision's limit and remaining are slots, its reason is RATEGATE_COUNTED, _OVER_LIMIT or
 * _NEVER_FITS, its other times are 0. Asks the daemon over the socket. Outages are waited out as by
 * rategate_acquire, and an answer is waited for until options.timeout_ms after timeout_ms.
 *
 * With for_ms 0 the entry belongs to a connection, which the library keeps for it alone: no other
 * call is made on it, so that no call that fails or is late closes it, and none gets it from the
 * pool. The kernel closes it when the process ends, however it does: the slot is given back, and
 * nothing is to be renewed meanwhile. It is lost only with its daemon (rategate_stay tells), or
 * where the program closes descriptors that it does not know. It takes a descriptor here, and one
 * of the daemon's max_clients. In a child made by fork() it is still the parent's: there
 * rategate_leave only frees the memory. Such a child has a copy of the connection until it makes
 * its first call on the client, execs, or ends: where the parent is killed, the slot is given back
 * no sooner than that.
 *
 * With for_ms, 100 to 86400000 (a day), it belongs to no connection, and is over after that time,
 * unless rategate_stay has renewed it: for work that a child goes on with when its parent has
 * ended, or that must not hold its slot while it hangs. A child may then stay and leave by the
 * entry, too. A call that fails has not entered: where the answer was on its way it leaves, which
 * takes options.timeout_ms at most. Where that fails as well, or the process is killed when it was
 * answered, a slot is taken in vain for that time.
 *
 * A client has RATEGATE_MAX_ENTRIES at a time at most. May be called from any thread. `error` may
 * be NULL.
 * Errors: -EINVAL (also of a limit that is declared), -ENOMEM, -EBUSY; -EREMOTEIO: the
 * limit is none of concurrency, or the daemon is older and has no ENTER; -ECANCELED, -EBADF, and
 * those of rategate_check. */
RATEGATE_API int rategate_enter(rategate_limit* limit, const void* key, size_t key_size,
                                int64_t cost, int64_t timeout_ms, int64_t for_ms,
                                rategate_entry** entry, rategate_decision* decision,
                                rategate_error* error);
#define RATEGATE_MAX_ENTRIES 1024

/* Whether the work is still entered: 0, or -ESTALE where it is not, which no other call brings
 * back. Of an entry by time it asks the daemon, within options.timeout_ms, and the entry lasts as
 * long again from then on; it fails as rategate_check does where nobody could be asked. Of one by
 * connection it looks at that, and asks nobody: it is ended by a daemon that stops, which
 * counts the work for hold_ttl more, or is killed. No other call on the entry may be running.
 * `error` may be NULL. */
RATEGATE_API int rategate_stay(rategate_entry* entry, rategate_error* error);

/* Ends the work, and the entry, which is not to be used any more whatever is returned. Asks the
 * daemon, within options.timeout_ms: with 0 the slot is given back, and the next caller may have
 * it. Of an entry by connection, a daemon that does not answer learns it by the connection's end.
 * No other call on the entry may be running. NULL is ignored. `error` may be NULL.
 * Errors: -ESTALE: the entry was over before, and the work may have been one too many; of an entry
 * by time those of rategate_check: the slot is given back when its time is over. */
RATEGATE_API int rategate_leave(rategate_entry* entry, rategate_error* error);

/* Ends an entry by time here, and leaves it entered: *ticket names it to whoever goes on with the
 * work, who tells the daemon by STAY and LEAVE (docs/protocol.md), or `rategate stay` and `rategate
 * leave` in a shell. Nobody can guess it, and whoever knows it can leave. Asks nobody: the entry
 * may be over already. It is not to be used any more when this returned 0. No other call on the
 * entry may be running. `error` may be NULL.
 * Errors: -EINVAL: no entry, or one by connection, which nobody else can have; it stays. */
RATEGATE_API int rategate_detach(rategate_entry* entry, int64_t* ticket, rategate_error* error);

/* Makes each rategate_acquire, rategate_acquirex and rategate_enter on this client return
 * -ECANCELED: those that wait, at once, and those that come later. For a program that ends; there
 * is no way back but another client. A child has what its parent had at fork(), and does not cancel
 * the parent's. May be called from any thread, and from a signal handler. */
RATEGATE_API void rategate_cancel(rategate_client* client);

/* Bytes of a buffer that is large enough for rategate_http_fields whatever it writes. */
#define RATEGATE_MAX_HTTP_FIELDS 512

/* Writes a decision about the limit `name` as fields of an HTTP response, a line that ends in CRLF
 * each, and a NUL behind them:
 *
 *   RateLimit-Policy: "api";q=100;w=60
 *   RateLimit: "api";r=41;t=13
 *   X-RateLimit-Limit: 100
 *   X-RateLimit-Remaining: 41
 *   X-RateLimit-Reset: 13
 *   Retry-After: 13
 *
 * The first two are those of draft-ietf-httpapi-ratelimit-headers as of September 2025, structured
 * fields (RFC 9651). All times are seconds from now, rounded up, but for w:
 *
 *   q, X-RateLimit-Limit      decision->limit; of a token bucket `burst`
 *   w                         the period, where it is whole seconds, for w cannot say others; of a
 *                             token bucket the time in which it fills, rounded up, from 1 s on; of
 *                             the calendar's months and years what is said, the longest
 *   r, X-RateLimit-Remaining  decision->remaining
 *   t                         until more is available: when denied, until asking again may help;
 *                             when allowed, until the window ends, or the next permit flows into
 *                             the bucket
 *   X-RateLimit-Reset         until the window ends, or the bucket is full. Others mean a Unix time
 *                             by it, which needs clocks that agree
 *   Retry-After               until asking again may help; only when denied, and not where the cost
 *                             can never fit
 *
 * What does not apply or is not known is left out: where decision->remaining is -1 the fields
 * RateLimit, which cannot say so, X-RateLimit-Remaining and X-RateLimit-Reset; t also of a bucket
 * that is full. Of a key that a rule blocks or makes unlimited (decision->limit 0 or -1) there is
 * no limit to tell of: the text is empty, and 0 is returned.
 *
 * `period_ms` (10 ms to 31 days; of the calendar up to a year, as LIMITS tells it) and `burst` (of
 * a token bucket, 1 to RATEGATE_MAX_COST; 0 of a limit that counts by windows) are those that the
 * daemon knows the limit by; period_ms 0 says that it is not known, and w is left out. A decision
 * about a limit with several windows or a parent, or about several limits, is of one of them and
 * does not tell which: give the name that was asked for, or that *named tells, and period_ms 0. To
 * know the period, ask by CHECKX (rategate_command), which tells rule, period_ms and burst. Returns
 * how many bytes were written, without the NUL. Asks nobody: all that it says is in its arguments.
 * Errors: -EINVAL (also the decision's numbers, where they could not be a daemon's, and what does
 * not fit into the 15 digits of a structured field), -ENOSPC. */
RATEGATE_API int rategate_http_fields(const char* name, int64_t period_ms, int64_t burst,
                                      const rategate_decision* decision, char* buffer, size_t size);

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

/* Waits as rategate_acquire does, and gives what the daemon tells of the decision, allowed or not,
 * as CHECKX and ACQUIREX answer it: an array of names and values in turn (docs/protocol.md). Is
 * denied at the time-out, or at once where the cost can never fit or a rule blocks the key. Asks
 * over the socket only. Allocates the answer, which the caller frees with rategate_reply_free.
 * `error` may be NULL. May be called from any thread.
 * Errors: -EREMOTEIO: also of a daemon that is older and has no CHECKX; -EINVAL, -ENOMEM, and those
 * of rategate_acquire but -ERANGE. Where the time is over and nothing was decided it is what the
 * daemon was asked in vain for last, such as -EBUSY; -ETIMEDOUT: it did not answer. */
RATEGATE_API int rategate_acquirex(rategate_limit* limit, const void* key, size_t key_size,
                                   int64_t cost, int64_t timeout_ms, rategate_reply** reply,
                                   rategate_error* error);

/* NULL is ignored. */
RATEGATE_API void rategate_reply_free(rategate_reply* reply);

/* The library's version, such as "1.2.3". */
RATEGATE_API const char* rategate_version(void);

#ifdef __cplusplus
}
#endif

#endif
