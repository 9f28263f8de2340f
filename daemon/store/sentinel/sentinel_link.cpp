#include "daemon/store/sentinel/sentinel_link.hpp"

#include <utility>

#include "daemon/store/redis/words.hpp"
#include "daemon/store/sentinel/words.hpp"

namespace rategate {
namespace {

bool is_error(const ReplyView& reply) { return reply.kind() == ReplyView::Kind::Error; }

}  // namespace

SentinelLink::SentinelLink(const Options& options, AskingTransport& transport,
                           SentinelLinkEvents& events)
    : AskingLink(options, transport), options_(options), events_(events) {}

std::size_t SentinelLink::send_question(AskingTransport& transport) {
  if (options_.role == SentinelRole::Listens) {
    transport.send_and_hear(listen_request());
    return 1;  // the subscription's own answer is the first that is heard
  }
  transport.send(replicas_request(options_.master));
  transport.send(primary_request(options_.master));
  return 2;
}

void SentinelLink::question_sent(Mono sent) {
  answer_ = {};
  answer_.asked = sent;
}

void SentinelLink::question_answered(const ReplyView& reply, std::size_t left, Mono now) {
  if (options_.role == SentinelRole::Listens) {
    if (is_error(reply)) fail("PING: " + std::string(error_of(reply)), now);
  } else if (left > 0) {
    answer_.replicas = parse_replicas(reply);
  } else {
    on_primary(reply, now);
  }
}

void SentinelLink::on_primary(const ReplyView& reply, Mono now) {
  auto primary = parse_primary(reply, options_.master);
  if (is_error(reply)) return fail(primary.error(), now);
  if (primary) {
    answer_.primary = std::move(*primary);
  } else {
    answer_.error = primary.error();
  }
  events_.sentinel_answered(options_.sentinel, std::exchange(answer_, {}), now);
}

void SentinelLink::unasked(Mono now) { events_.sentinel_heard(options_.sentinel, now); }

void SentinelLink::failed(std::string_view why, Mono now) {
  events_.sentinel_failed(options_.sentinel, options_.role, why, now);
}

}  // namespace rategate
