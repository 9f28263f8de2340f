/* Entries of a limit of concurrency with three slots: client_enters SOCKET. Ends with 0 when no
 * more than three have entered, and each that left made room. */
#include <errno.h>
#include <rategate/rategate.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS 3

static rategate_entry* enter(rategate_limit* limit, int64_t cost, int64_t timeout_ms,
                             int64_t for_ms) {
  rategate_entry* entry = NULL;
  rategate_decision decision = {.limit = 0};
  rategate_error error = {.text = "-"};
  const int rc =
      rategate_enter(limit, NULL, 0, cost, timeout_ms, for_ms, &entry, &decision, &error);
  if (rc != 0) fprintf(stderr, "entering gave %d (%s)\n", rc, error.text);
  if ((rc == 0 && decision.allowed == 1) != (entry != NULL) || decision.limit != SLOTS) {
    fprintf(stderr, "allowed %d of %lld, entry %p\n", decision.allowed, (long long)decision.limit,
            (void*)entry);
  }
  return entry;
}

static bool leaves(rategate_entry* entry) {
  rategate_error error = {.text = "-"};
  const int rc = entry != NULL ? rategate_leave(entry, &error) : -1;
  if (rc != 0) fprintf(stderr, "leaving gave %d (%s)\n", rc, error.text);
  return rc == 0;
}

/* By connection and by time alike. */
static bool holds(rategate_limit* limit, int64_t for_ms) {
  rategate_entry* entries[SLOTS];
  for (int i = 0; i < SLOTS; ++i) {
    entries[i] = enter(limit, 1, 0, for_ms);
    if (entries[i] == NULL || rategate_stay(entries[i], NULL) != 0) return false;
  }
  if (enter(limit, 1, 50, for_ms) != NULL) return false;
  if (!leaves(entries[1])) return false;
  entries[1] = enter(limit, 1, 0, for_ms);
  for (int i = 0; i < SLOTS; ++i) {
    if (!leaves(entries[i])) return false;
  }
  rategate_entry* all = enter(limit, SLOTS, 0, for_ms);
  return leaves(all);
}

/* Where its process ends without a word, its slots are free. */
static bool comes_back(rategate_limit* limit) {
  const pid_t child = fork();
  if (child == 0) _exit(enter(limit, SLOTS, 0, 0) != NULL ? 0 : 1);
  int status = 1;
  if (waitpid(child, &status, 0) != child || status != 0) return false;
  return leaves(enter(limit, SLOTS, 10000, 0));
}

/* By time, and not renewed. */
static bool passes(rategate_limit* limit) {
  rategate_entry* entry = enter(limit, SLOTS, 0, 200);
  rategate_entry* after = enter(limit, SLOTS, 10000, 0);
  const bool over = rategate_stay(entry, NULL) == -ESTALE && rategate_leave(entry, NULL) == -ESTALE;
  return over && leaves(after);
}

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  rategate_options options = {.size = sizeof options, .socket_path = argv[1], .timeout_ms = 60000};
  rategate_client* client = NULL;
  rategate_limit* work = NULL;
  rategate_limit* rate = NULL;
  if (rategate_open(&client, &options) != 0 || rategate_resolve(client, "work", 0, 0, &work) != 0 ||
      rategate_resolve(client, "rate", 0, 0, &rate) != 0) {
    return 1;
  }
  rategate_entry* none = NULL;
  rategate_decision decision;
  if (!holds(work, 0) || !holds(work, 60000) || !comes_back(work) || !passes(work)) return 1;
  if (rategate_enter(rate, NULL, 0, 1, 0, 0, &none, &decision, NULL) != -EREMOTEIO) return 1;
  rategate_close(client);
  return 0;
}
