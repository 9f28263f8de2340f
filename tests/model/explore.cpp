#include "tests/model/explore.hpp"

#include <algorithm>
#include <cstddef>

#include "tests/model/axioms.hpp"

namespace rategate::model {
namespace {

size_t most_writes(const std::vector<std::vector<Trace>>& runs) {
  size_t all = 0;
  for (const auto& thread : runs) {
    size_t most = 0;
    for (const Trace& run : thread) {
      const auto writes = std::count_if(run.events.begin(), run.events.end(),
                                        [](const Event& event) { return event.writes(); });
      most = std::max(most, static_cast<size_t>(writes));
    }
    all += most;
  }
  return all;
}

// Every thread's runs, with every value that an execution can bring about. A value that is made
// from another takes a write of its own for each step, so there are no more steps than writes.
std::vector<std::vector<Trace>> all_runs(const Program& program, Recorder& recorder) {
  std::vector<std::vector<Trace>> runs;
  for (size_t round = 0;; ++round) {
    runs.clear();
    for (const Thread& thread : program.threads) runs.push_back(recorder.runs(thread));
    if (round > 0 && round > most_writes(runs)) break;
    bool anything = false;
    for (const auto& thread : runs) anything = recorder.learn(thread) || anything;
    if (!anything) break;
  }
  return runs;
}

class Explorer {
 public:
  Explorer(const Program& program, const Weakening* weakening, Until until)
      : program_(program), until_(until), recorder_(weakening) {}

  Exploration run() {
    runs_ = all_runs(program_, recorder_);
    found_.sites = recorder_.sites();
    for (size_t i = 0; i < recorder_.initial().size(); ++i) {
      const Event first{Kind::kWrite, __ATOMIC_RELAXED, static_cast<int>(i), 0,
                        recorder_.initial()[i]};
      candidate_.nodes.push_back({first, -1, -1});
    }
    results_.resize(runs_.size());
    choose_run(0);
    return found_;
  }

 private:
  bool done() const { return until_ == Until::kFirstBroken && found_.broken > 0; }

  void choose_run(size_t thread) {
    if (thread == runs_.size()) {
      is_broken_ = program_.broken(results_);
      if (is_broken_ || until_ == Until::kEnd) choose_reads(0);
      return;
    }
    const size_t size = candidate_.nodes.size();
    for (const Trace& run : runs_[thread]) {
      for (const Event& event : run.events) {
        candidate_.nodes.push_back({event, static_cast<int>(thread), -1});
      }
      results_[thread] = run.result;
      choose_run(thread + 1);
      candidate_.nodes.resize(size);
      if (done()) return;
    }
  }

  void choose_reads(size_t from) {
    auto& nodes = candidate_.nodes;
    while (from < nodes.size() && !nodes[from].event.reads()) ++from;
    if (from == nodes.size()) {
      judge();
      return;
    }
    const Event& read = nodes[from].event;
    for (size_t i = 0; i < nodes.size() && !done(); ++i) {
      const Event& write = nodes[i].event;
      if (i == from || !write.writes() || write.location != read.location ||
          write.written != read.read || (nodes[i].thread == nodes[from].thread && i > from)) {
        continue;
      }
      nodes[from].reads_from = static_cast<int>(i);
      choose_reads(from + 1);
    }
  }

  void judge() {
    ++found_.candidates;
    const uint64_t orders = consistent_orders(candidate_, until_ == Until::kEnd);
    found_.executions += orders;
    if (is_broken_) found_.broken += orders;
  }

  const Program& program_;
  Until until_;
  Recorder recorder_;
  std::vector<std::vector<Trace>> runs_;
  std::vector<Result> results_;
  Candidate candidate_;
  bool is_broken_ = false;
  Exploration found_;
};

}  // namespace

Exploration explore(const Program& program, const Weakening* weakening, Until until) {
  return Explorer(program, weakening, until).run();
}

}  // namespace rategate::model
