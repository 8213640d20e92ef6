internal import CoreMetrics

/// Everything that is counted and measured: the one table behind `/metrics`, `docs/metrics.md` and the dashboards. Names follow Prometheus' conventions;
/// without a daemon nobody listens, and counting costs a call.
public enum Metric: String, Sendable, CaseIterable {
  case requests = "slipway_requests_total"
  case requestSeconds = "slipway_request_duration_seconds"
  case operations = "slipway_operations_total"
  case operationSeconds = "slipway_operation_duration_seconds"
  case operationsRunning = "slipway_operations_running"
  case operationsQueued = "slipway_operations_queued"
  case oldestOperation = "slipway_operation_oldest_seconds"
  case routes = "slipway_routes_total"
  case bytes = "slipway_transferred_bytes_total"
  case cacheRequests = "slipway_cache_requests_total"
  case verifications = "slipway_verifications_total"
  case evictions = "slipway_evictions_total"
  case storeBases = "slipway_store_bases"
  case storeBytes = "slipway_store_bytes"
  case clusterUp = "slipway_ceph_up"
  case clusterProbeSeconds = "slipway_ceph_probe_duration_seconds"
  case timers = "slipway_timer_runs_total"
  case reloads = "slipway_reloads_total"
  case build = "slipway_build_info"
  case startTime = "process_start_time_seconds"

  /// What Prometheus calls the kind of a metric.
  public enum Kind: String, Sendable { case counter, gauge, histogram }

  /// What it is.
  public var kind: Kind {
    switch self {
    case .requests, .operations, .routes, .bytes, .cacheRequests, .verifications, .evictions, .timers, .reloads: .counter
    case .requestSeconds, .operationSeconds, .clusterProbeSeconds: .histogram
    case .operationsRunning, .operationsQueued, .oldestOperation, .storeBases, .storeBytes, .clusterUp, .build, .startTime: .gauge
    }
  }

  /// The labels that it has, each from a bounded set.
  public var labels: [String] {
    switch self {
    case .requests: ["method", "endpoint", "status"]
    case .requestSeconds: ["endpoint"]
    case .operations: ["kind", "outcome"]
    case .operationSeconds: ["kind"]
    case .routes: ["target", "route", "reason"]
    case .bytes: ["route", "direction"]
    case .cacheRequests, .verifications, .reloads: ["outcome"]
    case .evictions: ["rule"]
    case .clusterUp, .clusterProbeSeconds: ["cluster"]
    case .timers: ["timer", "outcome"]
    case .build: ["version"]
    case .operationsRunning, .operationsQueued, .oldestOperation, .storeBases, .storeBytes, .startTime: []
    }
  }

  /// One sentence.
  public var help: String {
    switch self {
    case .requests: "Requests of the API that were answered."
    case .requestSeconds: "How long an answer took, waiting that the caller asked for included."
    case .operations: "Operations that ended; the outcome is done, or the error's code."
    case .operationSeconds: "How long an operation ran, waiting for its turn included."
    case .operationsRunning: "Operations that run now."
    case .operationsQueued: "Operations that wait for their turn."
    case .oldestOperation: "Age of the oldest operation that has not ended; 0 when there is none."
    case .routes: "Candidate routes that were looked at; the reason is ok for one that was taken, not_tried for one behind it."
    case .bytes: "Bytes that bases cost; read from a source, written to the store, or holes that were neither."
    case .cacheRequests: "Requests for a base: hit, or miss."
    case .verifications: "Verdicts over bytes that were brought: matched, none (nothing to compare with), pending, or the error's code."
    case .evictions: "Bases that cleaning removed, by the rule."
    case .storeBases: "Bases in the store."
    case .storeBytes: "What the bases take on disk."
    case .clusterUp: "Whether the last probe of a kept connection to Ceph succeeded."
    case .clusterProbeSeconds: "How long a probe of a kept connection to Ceph took."
    case .timers: "Runs of the daemon's timers: done, skipped, or the error's code."
    case .reloads: "Configurations that were read again: done, or refused."
    case .build: "1, with the version as a label."
    case .startTime: "When the process began, seconds since 1970."
    }
  }

  /// Counts `amount` more. The values are those of `labels`, in their order.
  public func count(_ amount: Int64 = 1, _ values: String...) {
    guard amount > 0 else { return }
    Counter(label: rawValue, dimensions: dimensions(values)).increment(by: amount)
  }

  /// Sets a gauge.
  public func set(_ value: Double, _ values: String...) { Meter(label: rawValue, dimensions: dimensions(values)).set(value) }

  /// Notes a duration.
  public func observe(_ duration: Duration, _ values: String...) {
    let (seconds, attoseconds) = duration.components
    Recorder(label: rawValue, dimensions: dimensions(values), aggregate: true).record(Double(seconds) + Double(attoseconds) / 1e18)
  }

  private func dimensions(_ values: [String]) -> [(String, String)] { Array(zip(labels, values)) }
}
