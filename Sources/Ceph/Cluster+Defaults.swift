extension Cluster {
  /// Features for new clones: `rbd_default_features` of the cluster's configuration, layering (1) where that is missing or 0. (Rule:
  /// Nova and Cinder `RBD.features`.) librados tells it as a number or as names.
  public var defaultFeatures: UInt64 {
    let layering: UInt64 = 1
    guard let text = setting("rbd_default_features"), !text.isEmpty else { return layering }
    if let number = UInt64(text) { return number == 0 ? layering : number }
    let bits: [String: UInt64] = [
      "layering": 1, "striping": 2, "exclusive-lock": 4, "object-map": 8, "fast-diff": 16, "deep-flatten": 32, "journaling": 64,
      "data-pool": 128,
    ]
    let names = text.split { $0 == "," || $0 == "+" || $0 == " " }
    let sum = names.reduce(UInt64(0)) { $0 | (bits[String($1)] ?? 0) }
    return sum == 0 ? layering : sum
  }

  /// log2 of the object size for new images (`rbd_default_order`), 22 where it is not told. A clone takes the larger of its parent's and this.
  public var defaultOrder: Int32 { setting("rbd_default_order").flatMap(Int32.init) ?? 22 }
}
