// The client's side of TLS against a server of the test's own: whom it believes, and what it says
// of those whom it does not.
#include "daemon/tls/tls_session.hpp"

#include <random>
#include <string>
#include <variant>

#include "tests/temp_dir.hpp"
#include "tests/tls_peer.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;
using test::Authority;
using test::TempDir;
using test::TlsPeer;

namespace {

TlsContext context_of(const TlsFiles& files) {
  auto made = TlsContext::make(files);
  if (const auto* fault = std::get_if<TlsFault>(&made)) FAIL(fault->text);
  return std::get<TlsContext>(std::move(made));
}

class Bench {
 public:
  TlsSession session(const std::string& peer, bool verified = true) const {
    const TlsContext context = context_of({folder_.write("ca.crt", authority.pem()), "", ""});
    auto begun = TlsSession::begin(context, peer, verified);
    REQUIRE(begun);
    return std::move(*begun);
  }

  Authority authority;

 private:
  TempDir folder_;
};

std::string output_of(TlsSession& session) {
  std::string out;
  session.take_output(out);
  return out;
}

// Carries bytes until neither has any more to say.
void carry(TlsSession& session, TlsPeer& peer) {
  for (std::string out = output_of(session); !out.empty(); out = output_of(session)) {
    peer.feed(out);
    session.feed(peer.output());
  }
}

std::string read_all(TlsSession& session) {
  std::string text;
  char piece[1000];
  while (const std::size_t got = session.read(piece)) text.append(piece, got);
  return text;
}

// Why a server with that certificate is not believed; empty where it is.
std::string refusal(const Bench& bench, const std::string& peer, const std::string& names,
                    int days = 1) {
  TlsSession session = bench.session(peer);
  TlsPeer server(bench.authority.issue(names, days));
  carry(session, server);
  session.write("secret");
  CHECK(session.is_open() == session.failure().empty());
  server.feed(output_of(session));
  CHECK(server.heard() == (session.is_open() ? "secret" : ""));
  return session.failure();
}

const std::string kRefused = "the server's certificate is refused: ";

}  // namespace

TEST_CASE("what one side says the other one hears, at any length") {
  const Bench bench;
  TlsSession session = bench.session("redis.example");
  TlsPeer server(bench.authority.issue("DNS:redis.example"));
  CHECK_FALSE(session.is_open());
  carry(session, server);
  REQUIRE(session.is_open());
  CHECK(server.asked_for() == "redis.example");
  const std::string question(100'000, 'q');
  const std::string answer(300'000, 'a');
  session.write(question);
  server.feed(output_of(session));
  CHECK(server.heard() == question);
  server.say(answer);
  const std::string out = server.output();
  std::string heard;
  for (std::size_t at = 0; at < out.size(); at += 7001) {
    session.feed(std::string_view(out).substr(at, 7001));
    heard += read_all(session);
  }
  CHECK(heard == answer);
  CHECK(session.failure().empty());
  server.say("last words");
  server.say_goodbye();
  session.feed(server.output());
  CHECK(read_all(session) == "last words");
  CHECK(session.failure() == "the server closed the connection");
}

TEST_CASE("a server is believed by its name or its address, and not by the like of it") {
  const Bench bench;
  CHECK(refusal(bench, "redis.example", "DNS:redis.example").empty());
  CHECK(refusal(bench, "redis.example.", "DNS:redis.example").empty());
  CHECK(refusal(bench, "a.redis.example", "DNS:*.redis.example").empty());
  CHECK(refusal(bench, "127.0.0.1", "DNS:other,IP:127.0.0.1").empty());
  CHECK(refusal(bench, "fe80::1%eth0", "IP:fe80::1").empty());
  for (const char* names : {"DNS:other.example", "DNS:red*.example", "DNS:*.redis.example",
                            "DNS:example", "IP:127.0.0.1"}) {
    INFO(names);
    CHECK(refusal(bench, "redis.example", names) ==
          kRefused + "hostname mismatch, expected one for redis.example");
  }
  for (const char* names : {"DNS:127.0.0.1", "IP:127.0.0.2"}) {
    INFO(names);
    CHECK(refusal(bench, "127.0.0.1", names) ==
          kRefused + "IP address mismatch, expected one for 127.0.0.1");
  }
}

TEST_CASE("an address is not told as a name") {
  const Bench bench;
  TlsSession session = bench.session("127.0.0.1");
  TlsPeer server(bench.authority.issue("IP:127.0.0.1"));
  carry(session, server);
  CHECK(session.is_open());
  CHECK(server.asked_for().empty());
}

TEST_CASE("a certificate that has expired, or of another authority, is refused") {
  const Bench bench;
  CHECK(refusal(bench, "a", "DNS:a", -1) == kRefused + "certificate has expired");
  TlsSession session = bench.session("a");
  TlsPeer server(Authority().issue("DNS:a"));
  carry(session, server);
  CHECK_FALSE(session.is_open());
  CHECK(session.failure().starts_with(kRefused));
}

TEST_CASE("nobody is verified where that is asked for") {
  const Bench bench;
  TlsSession session = bench.session("a", false);
  TlsPeer server(Authority().issue("DNS:b", -1));
  carry(session, server);
  CHECK(session.is_open());
}

TEST_CASE("a server that speaks no TLS is quoted") {
  const Bench bench;
  TlsSession session = bench.session("a");
  session.feed("-ERR unknown command\x01\r\nmore");
  CHECK(session.failure() ==
        "the server does not speak TLS on this port, it says \"-ERR unknown command?\"");
}

TEST_CASE("garbage in the handshake ends it, whatever it is") {
  const Bench bench;
  std::minstd_rand random(7);
  std::uniform_int_distribution<int> byte(0, 255);
  for (int round = 0; round < 2000; ++round) {
    TlsSession session = bench.session("a");
    // A record of a kind and a version that there are, and then anything.
    std::string bytes{static_cast<char>(20 + round % 4), 3, 3, 0, static_cast<char>(round % 100)};
    for (int i = 0; i < 400; ++i) bytes += static_cast<char>(byte(random));
    session.feed(bytes);
    session.feed(bytes);
    CHECK_FALSE(session.is_open());
    CHECK_FALSE(session.failure().empty());
    CHECK(read_all(session).empty());
    session.write("secret");
    output_of(session);
  }
}

TEST_CASE("a handshake that is changed on its way is not believed") {
  const Bench bench;
  for (std::size_t at = 0; at < 2000; at += 13) {
    TlsSession session = bench.session("a");
    TlsPeer server(bench.authority.issue("DNS:a"));
    server.feed(output_of(session));
    std::string answer = server.output();
    if (at >= answer.size()) break;
    answer[at] = static_cast<char>(answer[at] ^ 0x40);
    session.feed(answer);
    INFO(at);
    CHECK_FALSE(session.is_open());
  }
}

TEST_CASE("files that cannot be used are told of") {
  const TempDir folder;
  const Authority authority;
  const auto issued = authority.issue("DNS:a");
  const auto other = authority.issue("DNS:a");
  const std::string ca = folder.write("ca.crt", authority.pem());
  const std::string certificate = folder.write("a.crt", issued.certificate_pem());
  const std::string key = folder.write("a.key", issued.key_pem());
  const std::string wrong = folder.write("b.key", other.key_pem());
  const std::string text = folder.write("text", "no PEM at all\n");
  const std::string broken =
      folder.write("broken.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const auto fault_of = [](const TlsFiles& files) {
    const auto made = TlsContext::make(files);
    const auto* fault = std::get_if<TlsFault>(&made);
    return fault == nullptr ? std::string() : fault->text;
  };
  CHECK(fault_of({ca, certificate, key}).empty());
  CHECK(fault_of({"", "", ""}).empty());
  CHECK(fault_of({folder.path("none"), "", ""}) == folder.path("none") + " does not exist");
  CHECK(fault_of({text, "", ""}) == text + " has no certificate in it, expected some in PEM");
  CHECK(fault_of({folder.path().string(), "", ""}) ==
        folder.path().string() +
            " has no certificate in it by its hash, as openssl rehash makes those names");
  CHECK(fault_of({broken, "", ""}).starts_with(broken + " has a certificate in it that cannot"));
  CHECK(fault_of({ca, key, key}) == key + " has no certificate in it, expected some in PEM");
  CHECK(fault_of({ca, certificate, certificate}) ==
        certificate + " has no private key in it, expected one in PEM");
  CHECK(fault_of({ca, certificate, wrong}) ==
        wrong + " is not the key of the certificate in " + certificate);
}
