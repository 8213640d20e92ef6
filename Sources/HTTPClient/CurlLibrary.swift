internal import CCurl
internal import Model
internal import Runtime

extension LoadedLibrary {
  /// libcurl with OpenSSL.
  static let curl = LoadedLibrary("libcurl", package: "libcurl4", failure: .internalError) { slipway_load_curl($0, $1) }
}

/// libcurl's start, once a process (Implements `CURLcode curl_global_init(long)`, which is safe beside other threads since libcurl 7.84).
enum CurlStart {
  private static let isDone: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// Loads libcurl and sets it up. Blocks. Throws `internal`.
  static func require() throws(SlipwayError) {
    try LoadedLibrary.curl.require()
    guard isDone else { throw SlipwayError(.internalError, "libcurl could not be set up") }
  }
}
