// Who shares memory: it hands the segment to those that may have it, and says under what id a
// limit's pools are found there.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "daemon/io/loop/engine.hpp"
#include "daemon/io/sessions/checks.hpp"
#include "daemon/io/shm/shm_access.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

class Sharing final : public SharingService {
 public:
  Sharing(Checks& checks, Engine& engine) : checks_(checks), engine_(engine) {}

  // Memory is offered from now on, to those that may have it.
  void offer(ShmAccess access) { access_ = std::move(access); }
  std::uint64_t attached() const { return attached_; }  // since the start

  ResolveOutcome resolve(const Caller& caller, const CheckRequest& request) override;
  AttachOutcome attach(const Caller& caller) override;
  std::array<int, 2> descriptors() override;

 private:
  Checks& checks_;
  Engine& engine_;
  std::optional<ShmAccess> access_;
  std::uint64_t attached_ = 0;
};

}  // namespace rategate
