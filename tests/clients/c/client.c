/* hiredis: client SOCKET default|2|3 */
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long long first(redisContext* context, redisReply* reply) {
  if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 6) {
    fprintf(stderr, "no decision: %s\n", reply == NULL ? context->errstr : reply->str);
    exit(1);
  }
  const long long allowed = reply->element[0]->integer;
  freeReplyObject(reply);
  return allowed;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const char* path = argv[1];
  signal(SIGPIPE, SIG_IGN); /* else a write to a daemon that has gone ends the program */
  /* [snippet */
  redisContext* context = redisConnectUnix(path);
  if (context == NULL || context->err) return 1;
  redisReply* reply = redisCommand(context, "CHECK one %s", "alice");
  /* six integers: allowed, limit, remaining, retry after and reset after in ms, reason */
  /* snippet] */
  if (strcmp(argv[2], "default") != 0) { /* the third version needs hiredis 1.0 */
    redisReply* hello = redisCommand(context, "HELLO %s", argv[2]);
    if (hello == NULL || hello->type == REDIS_REPLY_ERROR) return 1;
    freeReplyObject(hello);
  }
  printf("allowed %lld\n", first(context, reply));
  printf("denied %lld\n", first(context, redisCommand(context, "CHECK one %s", "alice")));
  for (int i = 0; i < 1000; i++) redisAppendCommand(context, "CHECK many");
  long long sum = 0;
  for (int i = 0; i < 1000; i++) {
    void* answer = NULL;
    if (redisGetReply(context, &answer) != REDIS_OK) return 1;
    sum += first(context, answer);
  }
  printf("pipeline %lld\n", sum);
  reply = redisCommand(context, "CHECK missing");
  printf("error %s\n", reply->str);
  freeReplyObject(reply);
  puts("restart");
  fflush(stdout);
  getchar();
  reply = redisCommand(context, "CHECK one bob");
  if (reply == NULL) { /* it says so; another connection is the caller's to make */
    if (redisReconnect(context) != REDIS_OK) return 1;
    reply = redisCommand(context, "CHECK one bob");
  }
  printf("again %lld\n", first(context, reply));
  redisFree(context);
  return 0;
}
