// The lines of the log about a Redis Cluster as a whole.
#pragma once

#include "daemon/io/log/log.hpp"
#include "daemon/store/cluster/cluster_topology.hpp"

namespace rategate {

void log_cluster_event(Log& log, const ClusterEvent& event);

}  // namespace rategate
