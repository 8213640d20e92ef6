/// Header fields in the order in which they came or go; names compare without case (RFC 9110 section 5.1).
public struct HTTPHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  /// One field.
  public struct Field: Sendable, Hashable {
    /// The name, as written.
    public var name: String
    /// The value, without surrounding white space.
    public var value: String

    /// A field.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The fields.
  public private(set) var fields: [Field]

  /// No fields.
  public init() { fields = [] }

  /// Fields from a literal, in its order.
  public init(dictionaryLiteral elements: (String, String)...) {
    fields = elements.map { Field(name: $0.0, value: $0.1) }
  }

  /// The first value of a name; setting replaces all, nil removes them.
  public subscript(_ name: String) -> String? {
    get { fields.first { HTTPHeaders.same($0.name, name) }?.value }
    set {
      fields.removeAll { HTTPHeaders.same($0.name, name) }
      if let newValue { fields.append(Field(name: name, value: newValue)) }
    }
  }

  /// Appends a field, keeping others of the same name.
  public mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

  /// Fields that prove who asks: never sent to another origin, never shown.
  static let sensitive = ["authorization", "x-auth-token", "x-subject-token", "x-service-token", "cookie", "proxy-authorization"]

  var hasSensitive: Bool { fields.contains { HTTPHeaders.sensitive.contains($0.name.lowercased()) } }

  mutating func removeSensitive() { fields.removeAll { HTTPHeaders.sensitive.contains($0.name.lowercased()) } }

  private static func same(_ a: String, _ b: String) -> Bool { a.lowercased() == b.lowercased() }
}

extension HTTPHeaders: CustomStringConvertible, CustomReflectable {
  /// The names, and the values of those that prove nothing.
  public var description: String {
    let shown = fields.map { field -> String in
      let hidden = HTTPHeaders.sensitive.contains(field.name.lowercased())
      return "\(field.name): \(hidden ? "(hidden)" : field.value)"
    }
    return "[\(shown.joined(separator: ", "))]"
  }
  public var customMirror: Mirror { Mirror(self, children: ["fields": description]) }
}
