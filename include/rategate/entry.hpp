// Work under a limit of concurrency, for as long as an object lives. Included by rategate.hpp,
// whose Limit::enter makes it.
#ifndef RATEGATE_ENTRY_HPP
#define RATEGATE_ENTRY_HPP

#include <rategate/rategate.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <rategate/decision.hpp>
#include <utility>

namespace rategate {
inline namespace v0 {

// Leaves when it is destroyed, and keeps its client open until then. One thread at a time may use
// it, and any. What it was moved from, or has left, is false and holds nothing.
class Entry {
 public:
  Entry() noexcept = default;
  Entry(Entry&& other) noexcept
      : client_(std::move(other.client_)),
        entry_(std::exchange(other.entry_, nullptr)),
        decision_(other.decision_) {}
  Entry& operator=(Entry&& other) noexcept {
    if (this == &other) return *this;
    leave();
    client_ = std::move(other.client_);
    entry_ = std::exchange(other.entry_, nullptr);
    decision_ = other.decision_;
    return *this;
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() { leave(); }

  // Whether it has entered and not left. Asks nobody: that the slot was lost is told by stay.
  explicit operator bool() const noexcept { return entry_ != nullptr; }

  // By which it has entered, or was denied: limit and remaining are slots.
  const Decision& decision() const noexcept { return decision_; }

  // Whether the slot is still its own; one that lasts for a time lasts as long again from then on.
  // False: the work goes on uncounted. Throws NoDecision, of one that lasts for a time only.
  bool stay() {
    if (entry_ == nullptr) return false;
    rategate_error error;
    const int rc = rategate_stay(entry_, &error);
    if (rc != 0 && rc != -ESTALE) detail::fail(rc, error.text);
    return rc == 0;
  }

  // Gives the slot back. False: it was not held any more, or nobody knows. Waits for the daemon's
  // answer for as long as a call may take, and so does the destructor.
  bool leave() noexcept {
    if (entry_ == nullptr) return false;
    const bool left = rategate_leave(std::exchange(entry_, nullptr), nullptr) == 0;
    client_.reset();
    return left;
  }

  // Of an entry that lasts for a time, and has not left: gives its ticket, by which somebody else
  // stays and leaves (see rategate_detach), and holds nothing then. Throws Refused otherwise.
  std::int64_t detach() {
    std::int64_t ticket = 0;
    rategate_error error;
    const int rc = rategate_detach(entry_, &ticket, &error);
    if (rc != 0) detail::fail(rc, error.text);
    entry_ = nullptr;
    client_.reset();
    return ticket;
  }

 private:
  friend class Limit;
  Entry(std::shared_ptr<rategate_client> client, rategate_entry* entry,
        const Decision& decision) noexcept
      : client_(std::move(client)), entry_(entry), decision_(decision) {}

  std::shared_ptr<rategate_client> client_;
  rategate_entry* entry_ = nullptr;
  Decision decision_;
};

}  // namespace v0
}  // namespace rategate

#endif
