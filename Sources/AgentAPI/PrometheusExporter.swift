public import CoreMetrics
internal import Foundation
internal import Runtime

/// What swift-metrics counts, in Prometheus' text form (https://prometheus.io/docs/instrumenting/exposition_formats/). Only what `Metric` knows.
public final class PrometheusExporter: MetricsFactory, Sendable {
  private struct Series: Sendable {
    var labels: [(String, String)]
    var value = 0.0
    var buckets = [Int64](repeating: 0, count: PrometheusExporter.bounds.count)
    var count: Int64 = 0
  }
  /// Upper bounds of the histograms, in seconds: a hit takes milliseconds, an image minutes.
  static let bounds = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]
  private let state = Locked<[Metric: [String: Series]]>([:])

  /// Nothing counted yet.
  public init() {}

  private func change(_ label: String, _ dimensions: [(String, String)], _ body: (inout Series) -> Void) {
    guard let metric = Metric(rawValue: label) else { return }
    let key = dimensions.map(\.1).joined(separator: "\u{0}")
    state.with { state in body(&state[metric, default: [:]][key, default: Series(labels: dimensions)]) }
  }

  fileprivate func add(_ amount: Double, _ label: String, _ dimensions: [(String, String)]) {
    change(label, dimensions) { $0.value += amount }
  }

  fileprivate func set(_ value: Double, _ label: String, _ dimensions: [(String, String)]) {
    change(label, dimensions) { $0.value = value }
  }

  fileprivate func observe(_ value: Double, _ label: String, _ dimensions: [(String, String)]) {
    change(label, dimensions) { series in
      series.count += 1
      series.value += value
      for (index, bound) in Self.bounds.enumerated() where value <= bound { series.buckets[index] += 1 }
    }
  }

  /// Everything, by name.
  public func text() -> String {
    let state = state.with { $0 }
    var lines: [String] = []
    for metric in Metric.allCases.sorted(by: { $0.rawValue < $1.rawValue }) {
      lines.append("# HELP \(metric.rawValue) \(metric.help)")
      lines.append("# TYPE \(metric.rawValue) \(metric.kind.rawValue)")
      for (_, series) in (state[metric] ?? [:]).sorted(by: { $0.key < $1.key }) {
        if metric.kind == .histogram {
          for (bound, count) in zip(Self.bounds, series.buckets) {
            lines.append("\(metric.rawValue)_bucket\(Self.labels(series.labels + [("le", Self.number(bound))])) \(count)")
          }
          lines.append("\(metric.rawValue)_bucket\(Self.labels(series.labels + [("le", "+Inf")])) \(series.count)")
          lines.append("\(metric.rawValue)_sum\(Self.labels(series.labels)) \(Self.number(series.value))")
          lines.append("\(metric.rawValue)_count\(Self.labels(series.labels)) \(series.count)")
        } else {
          lines.append("\(metric.rawValue)\(Self.labels(series.labels)) \(Self.number(series.value))")
        }
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
  }

  private static func labels(_ labels: [(String, String)]) -> String {
    guard !labels.isEmpty else { return "" }
    let pairs = labels.map { name, value in
      let escaped = value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        .replacingOccurrences(of: "\n", with: "\\n")
      return "\(name)=\"\(escaped)\""
    }
    return "{\(pairs.joined(separator: ","))}"
  }

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    Handler(exporter: self, label: label, dimensions: dimensions)
  }
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    Handler(exporter: self, label: label, dimensions: dimensions)
  }
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    Handler(exporter: self, label: label, dimensions: dimensions)
  }
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    Handler(exporter: self, label: label, dimensions: dimensions)
  }
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}
}

/// The way of one series to its exporter.
private final class Handler: CounterHandler, RecorderHandler, MeterHandler, TimerHandler, Sendable {
  let exporter: PrometheusExporter
  let label: String
  let dimensions: [(String, String)]

  init(exporter: PrometheusExporter, label: String, dimensions: [(String, String)]) {
    self.exporter = exporter
    self.label = label
    self.dimensions = dimensions
  }

  func increment(by amount: Int64) { exporter.add(Double(amount), label, dimensions) }
  func reset() { exporter.set(0, label, dimensions) }
  func record(_ value: Int64) { exporter.observe(Double(value), label, dimensions) }
  func record(_ value: Double) { exporter.observe(value, label, dimensions) }
  func set(_ value: Int64) { exporter.set(Double(value), label, dimensions) }
  func set(_ value: Double) { exporter.set(value, label, dimensions) }
  func increment(by amount: Double) { exporter.add(amount, label, dimensions) }
  func decrement(by amount: Double) { exporter.add(-amount, label, dimensions) }
  func recordNanoseconds(_ duration: Int64) { exporter.observe(Double(duration) / 1e9, label, dimensions) }
}
