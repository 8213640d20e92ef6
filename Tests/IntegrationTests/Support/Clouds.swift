import Foundation

/// One cloud of the stack's clouds.yaml, as a test changes it.
struct Cloud {
  var values: [String: Any]

  func `in`(region: String) -> Cloud {
    var copy = self
    copy.values["region_name"] = region
    return copy
  }

  /// The same with other values under `auth`.
  func with(auth changes: [String: String]) -> Cloud {
    var copy = self
    var auth = copy.values["auth"] as? [String: Any] ?? [:]
    for (key, value) in changes { auth[key] = value }
    copy.values["auth"] = auth
    return copy
  }
}

extension Host {
  /// A clouds.yaml of this test: the stack's, changed. (JSON is YAML.)
  func clouds(_ change: (inout [String: Cloud]) -> Void) throws -> String {
    let data = try Data(contentsOf: URL(fileURLWithPath: stack.text("clouds_yaml")))
    let all = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    var clouds = (all["clouds"] as? [String: Any] ?? [:]).compactMapValues { ($0 as? [String: Any]).map(Cloud.init) }
    change(&clouds)
    let path = scratch.file("clouds.yaml")
    try JSONSerialization.data(withJSONObject: ["clouds": clouds.mapValues(\.values)]).write(to: URL(fileURLWithPath: path))
    return path
  }
}
