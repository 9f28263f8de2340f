// The relay between two pairs of sockets: hiredis' end of one is the test's, and so is the server's
// end of the other.
#include "daemon/io/redis/tls_relay.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>
#include <string>
#include <variant>

#include "tests/temp_dir.hpp"
#include "tests/tls_peer.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;
using test::Authority;
using test::Issued;
using test::TempDir;
using test::TlsPeer;

namespace {

std::string read_some(int fd) {
  char bytes[65536];
  const ssize_t got = ::read(fd, bytes, sizeof bytes);
  return {bytes, got > 0 ? static_cast<std::size_t>(got) : 0};
}

class Bench {
 public:
  Bench() : certificate_(authority_.issue("DNS:redis.example")), server(certificate_) {
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
    socket.reset(pair[0]);
    auto context = TlsContext::make({folder_.write("ca.crt", authority_.pem()), "", ""});
    auto session = TlsSession::begin(std::get<TlsContext>(context), "redis.example", true);
    REQUIRE(session);
    auto started = TlsRelay::start(pair[1], std::move(*session));
    REQUIRE(started);
    relay = std::move(*started);
    hiredis.reset(relay->take_inner());
  }

  // What the relay has sent reaches the server, and the answer the relay.
  void carry() {
    server.feed(read_some(socket.get()));
    send(server.output());
    relay->receive();
  }
  void send(const std::string& bytes) const {
    REQUIRE(::write(socket.get(), bytes.data(), bytes.size()) ==
            static_cast<ssize_t>(bytes.size()));
  }
  void open() {
    carry();
    REQUIRE(relay->is_open());
    relay->push();
    server.feed(read_some(socket.get()));
  }

 private:
  TempDir folder_;
  Authority authority_;
  Issued certificate_;

 public:
  TlsPeer server;
  Fd socket{-1};
  Fd hiredis{-1};
  std::unique_ptr<TlsRelay> relay;
};

}  // namespace

TEST_CASE("what is written at one end is heard at the other") {
  Bench bench;
  bench.open();
  REQUIRE(::write(bench.hiredis.get(), "PING\r\n", 6) == 6);
  bench.relay->push();
  CHECK(bench.relay->is_written());
  bench.server.feed(read_some(bench.socket.get()));
  CHECK(bench.server.heard() == "PING\r\n");
  bench.server.say("+PONG\r\n");
  bench.carry();
  REQUIRE(bench.relay->deliver());
  CHECK(read_some(bench.hiredis.get()) == "+PONG\r\n");
  CHECK_FALSE(bench.relay->deliver());
  CHECK(bench.relay->failure().empty());
}

TEST_CASE("a socket that takes nothing more keeps what waits with hiredis") {
  Bench bench;
  bench.open();
  const std::string piece(10'000, 'x');
  std::size_t written = 0;
  for (ssize_t took = 1; took > 0;) {
    took = ::write(bench.hiredis.get(), piece.data(), piece.size());
    if (took > 0) written += static_cast<std::size_t>(took);
    bench.relay->push();
  }
  CHECK(errno == EAGAIN);
  CHECK_FALSE(bench.relay->is_written());
  while (bench.server.heard().size() < written) {
    const std::string got = read_some(bench.socket.get());
    REQUIRE_FALSE(got.empty());
    bench.server.feed(got);
    bench.relay->push();
  }
  CHECK(bench.relay->is_written());
  CHECK(bench.server.heard() == std::string(written, 'x'));
}

TEST_CASE("a large answer comes in pieces that hiredis can read") {
  Bench bench;
  bench.open();
  const std::string answer(150'000, 'a');
  bench.server.say(answer);
  const std::string bytes = bench.server.output();
  std::string heard;
  for (std::size_t at = 0; at < bytes.size(); at += 50'000) {
    bench.send(bytes.substr(at, 50'000));
    bench.relay->receive();
    while (bench.relay->deliver()) {
      const std::string piece = read_some(bench.hiredis.get());
      CHECK(piece.size() <= 16384);
      heard += piece;
    }
  }
  CHECK(heard == answer);
}

TEST_CASE("a socket that was closed says so, and what was said before is delivered") {
  Bench bench;
  bench.open();
  bench.server.say("-ERR go away\r\n");
  bench.send(bench.server.output());
  bench.socket.reset(-1);
  REQUIRE(::write(bench.hiredis.get(), "PING\r\n", 6) == 6);
  bench.relay->push();
  CHECK_FALSE(bench.relay->is_written());
  CHECK(bench.relay->failure().empty());
  bench.relay->receive();
  REQUIRE(bench.relay->deliver());
  CHECK(read_some(bench.hiredis.get()) == "-ERR go away\r\n");
  while (bench.relay->failure().empty()) bench.relay->receive();
  CHECK_FALSE(bench.relay->failure().empty());
}

TEST_CASE("a socket that is closed in the handshake says that") {
  Bench bench;
  read_some(bench.socket.get());
  bench.socket.reset(-1);
  bench.relay->receive();
  CHECK(bench.relay->failure() == "the server closed the connection in the TLS handshake");
}

TEST_CASE("a peer that sends garbage in place of a handshake") {
  std::minstd_rand random(11);
  std::uniform_int_distribution<int> byte(0, 255);
  for (int round = 0; round < 200; ++round) {
    Bench bench;
    std::string bytes;
    for (int i = 0; i < 3000; ++i) bytes += static_cast<char>(byte(random));
    if (round % 2 == 0) bytes.replace(0, 5, std::string("\x16\x03\x03\x01\x00", 5));
    bench.send(bytes);
    bench.relay->receive();
    CHECK_FALSE(bench.relay->is_open());
    CHECK_FALSE(bench.relay->deliver());
    CHECK_FALSE(bench.relay->failure().empty());
    bench.relay->push();
  }
}
