#include "daemon/io/loop/cluster_log.hpp"

namespace rategate {

void log_cluster_event(Log& log, const ClusterEvent& event) {
  using What = ClusterEvent::What;
  switch (event.what) {
    case What::MapChanged:
      // While slots are moved one by one there are many of these a second.
      return log.event(event.shards_changed ? LogLevel::Info : LogLevel::Debug, "map_changed",
                       "another map of the cluster is in use",
                       {{"shards", event.shards}, {"slots_unserved", event.unserved}});
    case What::PrimaryChanged:
      return log.event(LogLevel::Warning, "primary_changed",
                       "a shard of the cluster has another primary: the connection to the one "
                       "before is left",
                       {{"from", event.from}, {"to", event.to}});
    case What::MapUnknown:
      return log.event(LogLevel::Warning, "map_unknown",
                       "no node of the cluster tells its map: the one in use stays, if there is "
                       "one",
                       {{"why", event.why}});
    case What::MapKnown:
      return log.event(LogLevel::Info, "map_known", "a node of the cluster tells its map again",
                       {});
    case What::SlotsUnserved:
      return log.event(LogLevel::Warning, "slots_unserved",
                       "slots of the cluster are in no shard, or in one beyond the 32 that are "
                       "served: their counters are answered by on_store_down",
                       {{"slots_unserved", event.unserved}});
  }
}

}  // namespace rategate
