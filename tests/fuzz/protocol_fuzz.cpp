// Feeds bytes to a connection whole and in pieces: the answers must be the same, and each a reply
// as the protocol has it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/require.hpp"
#include "tests/unit/proto/fake_daemon.hpp"
#include "tests/unit/proto/resp_reply.hpp"

namespace rategate::fuzz {
namespace {

// Small, so that small inputs reach its bounds.
constexpr std::size_t kMaxRequest = 512;

// Its outcome depends on the check alone, not on what was asked before.
class Daemon : public test::FakeService {
 public:
  Daemon() {
    state.limits = {test::api_limit()};
    connections.resize(1);
    connections[0].id = 1;
  }

  CheckOutcome check(const Caller&, const CheckRequest& request) override {
    require(valid_name(request.limit), "a check's name is valid");
    require(request.key.size() <= kMaxKeyBytes, "a check's key is not too long");
    require(request.keyed || request.key.empty(), "a key that was not given is empty");
    require(request.cost >= 1 && request.cost <= kMaxPermits, "a check's cost is in its range");
    if (request.declared) {
      const Rate& rate = *request.declared;
      require(rate.permits >= 1 && rate.permits <= kMaxPermits, "declared permits are in range");
      require(rate.period_ms >= kMinPeriodMs && rate.period_ms <= kMaxPeriodMs,
              "a declared period is in its range");
    }
    if (request.key == "parked") return Parked{};
    if (request.key == "refused") return Refused{no_limit_error(request.limit, "", false)};
    return request.cost > 100 ? test::kDenied : test::kAllowed;
  }
};

// Every reply by itself, as strictly as it can be read.
void check_replies(std::string_view bytes) {
  Daemon daemon;
  Session session;
  Args args;
  std::string out;
  while (true) {
    out.clear();
    const ParseResult result = parse_request(bytes, kMaxRequest, args);
    if (result.kind == Parsed::Incomplete) {
      require(result.need > bytes.size() && result.need <= kMaxRequest, "more is needed, and fits");
      return;
    }
    if (result.kind == Parsed::Error) {
      require(result.error.starts_with("ERR Protocol error: "), "an error says what it is");
      require(is_printable(result.error), "an error is printable");
      return;
    }
    require(result.consumed > 0 && result.consumed <= kMaxRequest, "bytes are consumed");
    if (result.kind == Parsed::Request) {
      require(!args.words.empty(), "a request has words");
      Caller caller(session);
      const Handled handled = test::answer_whole(caller, daemon.services(), args, out);
      if (handled == Handled::Parked) {
        require(out.empty(), "a parked check has no answer yet");
      } else {
        require(test::is_one_reply(out, session.resp), "one request has one reply");
      }
      if (handled == Handled::Close) return;
    }
    bytes.remove_prefix(result.consumed);
  }
}

// Pieces whose sizes follow from the bytes, so that a find can be played again.
std::size_t next_piece(std::uint32_t& state) {
  state = state * 1664525 + 1013904223;
  return 1 + (state >> 24U) % 9;
}

}  // namespace
}  // namespace rategate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rategate;
  using namespace rategate::fuzz;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_replies(bytes);

  Daemon daemon;
  daemon.remember = false;
  test::Connection whole(daemon, kMaxRequest);
  whole.feed(bytes);
  test::Connection pieces(daemon, kMaxRequest);
  std::uint32_t state = static_cast<std::uint32_t>(size);
  for (std::size_t at = 0; at < size;) {
    const std::string_view piece = bytes.substr(at, next_piece(state));
    pieces.feed(piece);
    at += piece.size();
  }
  require(pieces.out == whole.out, "pieces are answered as the whole is");
  require(pieces.closed == whole.closed, "pieces close as the whole does");
  require(pieces.parked == whole.parked, "pieces park as the whole does");
  return 0;
}
