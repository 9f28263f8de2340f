/* Several limits in one decision by the library: client_combines SOCKET. The daemon has the limits
 * few, of 3 permits, and many, of 100. Ends with 0 when each answer is the right one. */
#include <errno.h>
#include <rategate/rategate.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct asked {
  int rc;
  rategate_decision decision;
  size_t named;
  rategate_error error;
};

static struct asked ask(const rategate_member* members, size_t count) {
  struct asked asked = {.named = 99};
  asked.rc = rategate_check_all(members, count, &asked.decision, &asked.named, &asked.error);
  return asked;
}

static bool fails(const rategate_member* members, size_t count, int rc, const char* text) {
  const struct asked asked = ask(members, count);
  if (asked.rc == rc && strstr(asked.error.text, text) != NULL) return true;
  fprintf(stderr, "gave %d (%s), not %d (%s)\n", asked.rc, asked.error.text, rc, text);
  return false;
}

static bool decides(const rategate_member* members, int32_t allowed, size_t named, int64_t left) {
  const struct asked asked = ask(members, 2);
  if (asked.rc == 0 && asked.decision.allowed == allowed && asked.named == named &&
      asked.decision.remaining == left) {
    return true;
  }
  fprintf(stderr, "gave %d: allowed %d, named %zu, %lld left\n", asked.rc,
          (int)asked.decision.allowed, asked.named, (long long)asked.decision.remaining);
  return false;
}

int main(int count, char** words) {
  const rategate_options options = {.size = sizeof options,
                                    .socket_path = count > 1 ? words[1] : NULL};
  rategate_client* client = NULL;
  rategate_client* other = NULL;
  rategate_limit* few = NULL;
  rategate_limit* many = NULL;
  rategate_limit* others = NULL;
  rategate_limit* declared = NULL;
  rategate_limit* none = NULL;
  if (rategate_open(&client, &options) != 0 || rategate_open(&other, &options) != 0 ||
      rategate_resolve(client, "few", 0, 0, &few) != 0 ||
      rategate_resolve(client, "many", 0, 0, &many) != 0 ||
      rategate_resolve(other, "many", 0, 0, &others) != 0 ||
      rategate_resolve(client, "new", 5, 1000, &declared) != 0 ||
      rategate_resolve(client, "none", 0, 0, &none) != 0) {
    return 2;
  }
  const rategate_member both[] = {{many, "k", 1, 2}, {few, NULL, 0, 2}};
  const rategate_member apart[] = {{many, NULL, 0, 1}, {others, NULL, 0, 1}};
  const rategate_member made[] = {{many, NULL, 0, 1}, {declared, NULL, 0, 1}};
  const rategate_member unknown[] = {{many, NULL, 0, 1}, {none, NULL, 0, 1}};
  const rategate_member free_of_charge[] = {{many, NULL, 0, 0}};
  const bool right = decides(both, 1, 1, 1) && decides(both, 0, 1, 1) &&
                     fails(both, 0, -EINVAL, "0 members; there are 1 to 8") &&
                     fails(both, 9, -EINVAL, "9 members") && fails(NULL, 1, -EINVAL, "members") &&
                     fails(apart, 2, -EINVAL, "different clients") &&
                     fails(made, 2, -EINVAL, "limit 'new' is declared") &&
                     fails(unknown, 2, -ENOENT, "NOLIMIT") &&
                     fails(free_of_charge, 1, -EINVAL, "a cost of 0");
  rategate_decision decision;
  const bool kept = rategate_check(many, "k", 1, 98, &decision, NULL) == 0 && decision.allowed == 1;
  rategate_close(client);
  rategate_close(other);
  return right && kept ? 0 : 1;
}
