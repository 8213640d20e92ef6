@testable import AgentAPI
import CoreMetrics
import Foundation
import Runtime
import Testing
import Wire

/// The description of the API, the page of metrics, and the code.
@Suite struct DescriptionTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func object(_ data: Data) throws -> NSDictionary {
    try #require(try JSONSerialization.jsonObject(with: data) as? NSDictionary)
  }

  @Test("docs/api/openapi.json is what the daemon serves")
  func isServed() throws {
    let file = try Self.object(Data(contentsOf: Self.root.appendingPathComponent("docs/api/openapi.json")))
    #expect(file == (try Self.object(Data(OpenAPI.text.utf8))))
  }

  @Test("the description has every endpoint with its parameters, and no other")
  func isComplete() throws {
    let paths = try #require(try Self.object(Data(OpenAPI.text.utf8))["paths"] as? [String: [String: [String: Any]]])
    var described: Set<String> = []
    for (path, methods) in paths {
      for (method, operation) in methods {
        let parameters = (operation["parameters"] as? [[String: Any]] ?? []).filter { $0["in"] as? String == "query" }
        let names = parameters.compactMap { $0["name"] as? String }.sorted().joined(separator: ",")
        described.insert("\(method.uppercased()) \(path) \(names) \(operation["requestBody"] != nil)")
      }
    }
    #expect(
      described == Set(Endpoint.all.map { "\($0.method) \($0.path) \($0.parameters.sorted().joined(separator: ",")) \($0.takesBody)" }))
  }

  @Test("the schemas of requests have the fields that are read, and no other")
  func hasTheFields() throws {
    let components = try #require(try Self.object(Data(OpenAPI.text.utf8))["components"] as? [String: Any])
    let schemas = try #require(components["schemas"] as? [String: [String: Any]])
    func fields(_ name: String) -> Set<String> { Set((schemas[name]?["properties"] as? [String: Any] ?? [:]).keys) }
    #expect(fields("DiskRequest") == Set(DiskRequestDocument.fields))
    #expect(fields("FetchRequest") == Set(FetchRequestDocument.fields))
    #expect(fields("PlanRequest") == Set(PlanRequestDocument.fields))
    #expect(fields("PrewarmRequest") == Set(PrewarmRequestDocument.fields))
    #expect(fields("ResizeRequest") == Set(ResizeRequestDocument.fields))
  }

  @Test("docs/metrics.md has every metric with its kind and labels, and no other")
  func metricsPage() throws {
    let page = try String(contentsOf: Self.root.appendingPathComponent("docs/metrics.md"), encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
    let expected = Metric.allCases.map { metric in
      "| `\(metric.rawValue)` | \(metric.kind.rawValue) | \(metric.labels.map { "`\($0)`" }.joined(separator: ", ")) | \(metric.help) |"
    }
    #expect(Set(rows) == Set(expected))
  }

  @Test("rules and dashboard name no metric that is not there")
  func rulesAndDashboard() throws {
    for file in ["etc/prometheus/slipway.rules.yaml", "etc/grafana/slipway.json"] {
      let text = try String(contentsOf: Self.root.appendingPathComponent(file), encoding: .utf8)
      var used: Set<String> = []
      for match in text.matches(of: /\b(slipway_[a-z_]+)/) {
        var name = String(match.1)
        for end in ["_bucket", "_count", "_sum"] where name.hasSuffix(end) { name = String(name.dropLast(end.count)) }
        used.insert(name)
      }
      #expect(used.count > 3)
      #expect(used.subtracting(Metric.allCases.map(\.rawValue)) == [], "\(file)")
    }
  }

  @Test("counters, gauges and histograms in Prometheus' text form, labels escaped")
  func exports() {
    let exporter = PrometheusExporter()
    exporter.makeCounter(label: Metric.evictions.rawValue, dimensions: [("rule", "a\"b\\c\nd")]).increment(by: 2)
    exporter.makeMeter(label: Metric.storeBases.rawValue, dimensions: []).set(Int64(3))
    exporter.makeRecorder(label: Metric.operationSeconds.rawValue, dimensions: [("kind", "fetch")], aggregate: true).record(0.05)
    let lines = exporter.text().split(separator: "\n").map(String.init)
    #expect(lines.contains(#"slipway_evictions_total{rule="a\"b\\c\nd"} 2"#))
    #expect(lines.contains("slipway_store_bases 3"))
    #expect(lines.contains("# TYPE slipway_operation_duration_seconds histogram"))
    #expect(lines.contains(#"slipway_operation_duration_seconds_bucket{kind="fetch",le="0.03"} 0"#))
    #expect(lines.contains(#"slipway_operation_duration_seconds_bucket{kind="fetch",le="0.1"} 1"#))
    #expect(lines.contains(#"slipway_operation_duration_seconds_count{kind="fetch"} 1"#))
    #expect(lines.filter { $0.hasPrefix("# TYPE") }.count == Metric.allCases.count)
  }
}
