// A segment of the test's own, written as the daemon would, and a daemon that hands it out.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "client/shared/shm_types.h"
#include "shm/identity.h"
#include "shm/word.h"
#include "tests/library/fake_daemon.hpp"

namespace fake {

inline std::int64_t mono_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class Segment {
 public:
  struct Options {
    std::uint32_t slots = 64;
    std::uint64_t generation = 77;
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  };

  Segment() : Segment(Options{}) {}
  explicit Segment(const Options& options) : bytes_(rg_shm_bytes(options.slots)) {
    memfd_ = memfd_create(name(options.generation).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd_ < 0 || ftruncate(memfd_, static_cast<off_t>(bytes_)) != 0 ||
        posix_fallocate(memfd_, 0, static_cast<off_t>(bytes_)) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, nudges_) != 0) {
      throw std::runtime_error("no memfd");
    }
    base_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, memfd_, 0);
    if (base_ == MAP_FAILED) throw std::runtime_error("mmap");
    rg_shm_header& h = header();
    h.magic = RG_SHM_MAGIC;
    h.layout_version = RG_SHM_LAYOUT_VERSION;
    h.header_bytes = RG_SHM_HEADER_BYTES;
    h.bytes = bytes_;
    h.slots = options.slots;
    h.probes = RG_SHM_PROBES;
    h.generation = options.generation;
    for (std::uint64_t i = 0; i < 4; ++i) h.hash_seed[i] = 0x9e3779b97f4a7c15 * (i + 1);
    h.digest_secret[0] = 1;
    h.digest_secret[1] = 2;
    h.rules = 1;
    if (options.seals != 0) fcntl(memfd_, F_ADD_SEALS, options.seals);
  }
  ~Segment() {
    munmap(base_, bytes_);
    close(memfd_);
    close(nudges_[0]);
    close(nudges_[1]);
  }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  rg_shm_header& header() const { return *static_cast<rg_shm_header*>(base_); }
  rg_slot* slots() const {
    return reinterpret_cast<rg_slot*>(static_cast<char*>(base_) + RG_SHM_HEADER_BYTES);
  }
  std::size_t bytes() const { return bytes_; }
  // How the segment is called in /proc/self/maps.
  static std::string name(std::uint64_t generation) {
    return "rategate-test-" + std::to_string(generation) + "-";
  }
  int memfd() const { return memfd_; }
  int nudge_fd() const { return nudges_[0]; }
  // Numbers of slots that were nudged for since it was asked last.
  std::vector<std::uint32_t> nudged() const {
    std::vector<std::uint32_t> numbers;
    std::uint32_t number = 0;
    while (recv(nudges_[1], &number, sizeof number, MSG_DONTWAIT) == sizeof number) {
      numbers.push_back(number);
    }
    return numbers;
  }

  rg_shm_view view() const {
    rg_shm_view view{};
    view.header = &header();
    view.slots = slots();
    view.mask = header().slots - 1;
    view.probes = header().probes;
    std::copy_n(header().hash_seed, 4, view.hash_seed);
    std::copy_n(header().digest_secret, 2, view.digest_secret);
    return view;
  }

  // The clock record; times in ns of CLOCK_MONOTONIC.
  void set_clock(std::int64_t offset_ns, std::int64_t error_ns, std::int64_t measured_ns,
                 std::int64_t until_ns, std::int64_t drift = 0, std::uint64_t number = 0) {
    rg_shm_clock& clock = header().clock[number];
    const std::uint64_t next = rg_sequence_begin_write(&clock.sequence, sequence_);
    rg_field_store(&clock.offset_ns, offset_ns);
    rg_field_store(&clock.error_ns, error_ns);
    rg_field_store(&clock.measured_ns, measured_ns);
    rg_field_store(&clock.drift, drift);
    rg_field_store(&clock.until_ns, until_ns);
    rg_sequence_end_write(&clock.sequence, next);
    sequence_ = next;
  }
  // Redis' clock is now in the middle of a window of that period, trusted for an hour. Returns the
  // window's end in ms.
  std::int64_t now_in_the_middle_of(std::int64_t period_ms, std::int64_t error_ns = 200'000) {
    const std::int64_t end_ms = 20'000 * period_ms;
    const std::int64_t now = mono_ns();
    set_clock((end_ms - period_ms / 2) * 1'000'000 - now, error_ns, now, now + kHour);
    return end_ms;
  }
  static constexpr std::int64_t kHour = 3'600'000'000'000;

  // The slot that is given to that key, which has so many permits in a period, as the daemon would
  // choose it.
  rg_slot* give(std::uint64_t rule, std::string_view key = {}, std::int64_t permits = 100'000) {
    const rg_identity id = identity(rule, key);
    const std::uint64_t home = rg_identity_hash(&id, header().hash_seed);
    for (std::uint64_t i = 0; i < header().probes; ++i) {
      rg_slot* slot = &slots()[(home + i) & (header().slots - 1)];
      if (rg_identity_load(&slot->identity.rule) == 0) return hand_over(slot, id, permits);
    }
    throw std::runtime_error("no slot");
  }
  rg_identity identity(std::uint64_t rule, std::string_view key) const {
    return rg_identity_of(rule, key.data(), key.size(), header().digest_secret);
  }
  static rg_slot* hand_over(rg_slot* slot, const rg_identity& id, std::int64_t permits = 0) {
    rg_word_void(&slot->word[0]);
    rg_word_void(&slot->word[1]);
    rg_identity_begin();
    rg_identity_store(&slot->identity.rule, rg_rule_with_number(id.rule, permits));
    for (int i = 0; i < 4; ++i) rg_identity_store(&slot->identity.key[i], id.key[i]);
    return slot;
  }
  std::uint32_t number_of(const rg_slot* slot) const {
    return static_cast<std::uint32_t>(slot - slots());
  }
  // That many permits for the window that ends then.
  static void put(rg_slot* slot, std::int64_t end_ms, std::int64_t permits, bool exhausted = false,
                  int word = 0, std::uint32_t low_water = 0, std::uint32_t left = 0) {
    rg_hint_store(&slot->low_water, low_water);
    rg_hint_store(&slot->left, left);
    rg_word_publish(&slot->word[word], rg_word_make(end_ms, permits, exhausted));
  }
  static std::int64_t permits(const rg_slot* slot, int word = 0) {
    return rg_word_permits(rg_word_load(&slot->word[word]));
  }

  std::string attach_answer(std::int64_t version = RG_SHM_LAYOUT_VERSION,
                            std::int64_t shifted_ns = 0) const {
    return "*4\r\n:" + std::to_string(version) +
           "\r\n:" + std::to_string(rg_identity_load(&header().generation)) +
           "\r\n:" + std::to_string(mono_ns() + shifted_ns) + "\r\n:" + std::to_string(bytes_) +
           "\r\n";
  }

 private:
  std::size_t bytes_;
  int memfd_ = -1;
  int nudges_[2] = {-1, -1};
  void* base_ = nullptr;
  std::uint64_t sequence_ = 0;
};

// What RESOLVE answers.
inline std::string rule_answer(std::int64_t rule, std::int64_t limit, std::int64_t period_ms,
                               bool shared = true, bool keyed = true, std::int64_t kind = 0,
                               std::int64_t burst = 0, std::int64_t longest_ms = 0) {
  std::string bytes = "*8\r\n";
  if (burst == 0) burst = limit;
  if (longest_ms == 0) longest_ms = period_ms;
  for (const std::int64_t number : {rule, limit, period_ms, std::int64_t{shared},
                                    std::int64_t{keyed}, kind, burst, longest_ms}) {
    bytes += ":" + std::to_string(number) + "\r\n";
  }
  return bytes;
}

// A daemon with shared memory: answers ATTACH, RESOLVE and all else by these functions, CHECK by
// `remaining` 4242 unless a test says otherwise, which no pool of a test holds; counts what it was
// asked.
struct SharingDaemon {
  std::function<void(Peer&)> attach;
  std::function<std::string(const Words&)> resolve;
  std::function<std::string(const Words&)> decide = [](const Words&) {
    return decision(true, 100, 4242, 0, 412, 0);
  };
  std::atomic<int> attached{0};
  std::atomic<int> resolved{0};
  std::atomic<int> checked{0};

  explicit SharingDaemon(const Segment& segment, std::string rule) {
    attach = [&segment](Peer& peer) {
      peer.send_with(segment.attach_answer(), {segment.memfd(), segment.nudge_fd()});
    };
    resolve = [rule = std::move(rule)](const Words&) { return rule; };
  }

  Daemon::Serve serve() {
    return [this](Peer& peer) {
      for (Words words = peer.any_request(); !words.empty(); words = peer.any_request()) {
        if (words[0] == "ATTACH") {
          ++attached;
          attach(peer);
        } else if (words[0] == "RESOLVE") {
          ++resolved;
          peer.send(resolve(words));
        } else {
          ++checked;
          peer.send(decide(words));
        }
      }
    };
  }
};

}  // namespace fake
