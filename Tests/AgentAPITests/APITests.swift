import AgentAPI
import Foundation
import Model
import Runtime
import Testing
import Wire

/// Requests without a server: what is refused, and how.
@Suite struct APITests {
  static let disk = #"{"name":"d1","image":"i"}"#

  @Test("a disk is made, 201, and the same request again answers it, 200")
  func creates() async throws {
    let bed = Bed()
    let first = await bed.ask("POST", "/v1/disks?wait=60s", Self.disk)
    let again = await bed.ask("POST", "/v1/disks?wait=60", Self.disk)
    #expect(first.status == 201)
    #expect(try first.disk().outcome == "created")
    #expect(again.status == 200)
    #expect(try again.disk().outcome == "existing")
    #expect(await bed.ask("GET", "/v1/disks/d1").status == 200)
  }

  @Test("a request that takes long is answered with an operation and where that is")
  func answersWithAnOperation() async throws {
    let bed = Bed()
    bed.engine.close()
    let begun = await bed.ask("POST", "/v1/disks", Self.disk)
    let operation = try begun.operation()
    #expect(begun.status == 202)
    #expect(begun.header("Location") == "/v1/operations/\(operation.id)")
    try await bed.until("there is progress") { (bed.operations[operation.id]?.document.position ?? 0) > 1 }
    bed.engine.open()
    let end = try await bed.ask("GET", "/v1/operations/\(operation.id)?wait=60s").operation()
    #expect(end.state == .done)
    guard case .disk(let disk) = end.result else { throw SlipwayError(.internalError, "no disk") }
    #expect(disk.name == "d1")
  }

  @Test("two requests for one disk by one caller are one, and by two callers are two")
  func joins() async throws {
    let bed = Bed()
    bed.engine.close()
    let one = try await bed.ask("POST", "/v1/disks", Self.disk).operation()
    let same = try await bed.ask("POST", "/v1/disks", Self.disk).operation()
    let other = try await bed.ask("POST", "/v1/disks", Self.disk, headers: ["x-auth-token": "t"]).operation()
    #expect(one.id == same.id)
    #expect(one.id != other.id)
    try await bed.until("both began") { bed.engine.state.with { $0.begun } == 2 }
    #expect(bed.engine.state.with { Set($0.tokens.map { $0 ?? "-" }) } == ["-", "t"])
    bed.engine.open()
  }

  @Test("cancelling detaches one caller, and the work ends with the last")
  func cancels() async throws {
    let bed = Bed()
    bed.engine.close()
    let id = try await bed.ask("POST", "/v1/fetches", #"{"image":"i"}"#).operation().id
    _ = await bed.ask("POST", "/v1/fetches", #"{"image":"i"}"#)
    try await bed.until("it began") { bed.engine.state.with { $0.begun } == 1 }
    #expect(await bed.ask("DELETE", "/v1/operations/\(id)").status == 202)
    #expect(bed.operations[id]?.document.state.isFinal == false)
    #expect(await bed.ask("DELETE", "/v1/operations/\(id)").status == 202)
    let end = try await bed.ask("GET", "/v1/operations/\(id)?wait=60s").operation()
    #expect(end.state == .cancelled)
    #expect(end.error?.code == "cancelled")
    #expect(bed.engine.state.with { $0.cancelled } == 1)
  }

  @Test("deleting a disk that is being made gives the making up, whoever joined, and then deletes")
  func deletesWhileMaking() async throws {
    let bed = Bed()
    bed.engine.close()
    let id = try await bed.ask("POST", "/v1/disks", Self.disk).operation().id
    _ = await bed.ask("POST", "/v1/disks", Self.disk)
    try await bed.until("it began") { bed.engine.state.with { $0.begun } == 1 }
    let gone = await bed.ask("DELETE", "/v1/disks/d1?wait=60s")
    #expect(gone.status == 200)
    #expect(bed.operations[id]?.document.state == .cancelled)
    #expect(bed.engine.state.with { $0.deleted } == ["d1"])
    #expect(bed.engine.state.with { $0.made }.isEmpty)
  }

  @Test("an error is a problem with the code, the status and the advice of the command line")
  func tellsProblems() async throws {
    let bed = Bed()
    bed.engine.state.with { $0.failure = SlipwayError(.noSpace, "the pool is full", object: "vms", hint: "free some") }
    let answer = await bed.ask("POST", "/v1/disks?wait=60s", Self.disk)
    let problem = try answer.problem()
    #expect(answer.status == 507)
    #expect(problem.code == "no_space")
    #expect(problem.retry == "elsewhere")
    #expect(problem.object == "vms")
    #expect(problem.instance == answer.header("X-OpenStack-Request-ID"))
  }

  @Test(
    "a body that is wrong is refused, and what is wrong is named",
    arguments: [
      (#"{"name":"d","image":"i","sizes":1}"#, "sizes"), (#"{"name":"d"}"#, "image"), (#"{"name":"d","image":7}"#, "image"),
      (#"{"name":"d","image":"i","size":"20G"}"#, "size"), (#"{"name":"d","image":"i","device":"x"}"#, "device"),
      (#"{"name":"d","image":"i","discard":"maybe"}"#, "discard"), (#"{"name":"d","image":"i","deadline":-1}"#, "deadline"),
      ("[]", "object"),
      ("{", "object"), ("", "object"), (#"{"name":"../d","image":"i"}"#, "../d"), (#"{"name":"d\u0000e","image":"i"}"#, "disk name"),
    ])
  func refusesBodies(_ body: String, _ named: String) async throws {
    let bed = Bed()
    let answer = await bed.ask("POST", "/v1/disks?wait=60s", body, headers: ["content-type": "application/json; charset=utf-8"])
    #expect(answer.status == 400)
    let problem = try answer.problem()
    #expect(problem.detail.contains(named), "\(problem.detail)")
    #expect(bed.engine.state.with { $0.begun } == 0)
  }

  @Test("a name of 300 characters is refused, in a body and in a path")
  func refusesLongNames() async throws {
    let (bed, name) = (Bed(), String(repeating: "n", count: 300))
    #expect(try await bed.ask("POST", "/v1/disks", #"{"name":"\#(name)","image":"i"}"#).problem().code == "invalid_name")
    #expect(try await bed.ask("GET", "/v1/disks/\(name)").problem().code == "invalid_name")
    #expect(try await bed.ask("DELETE", "/v1/disks/\(name)").problem().code == "invalid_name")
  }

  @Test(
    "a path that plays tricks leads nowhere",
    arguments: [
      "/v1/disks/..%2f..%2fetc", "/v1/disks/%2e%2e", "/v1/disks/..", "/v1/disks/a%00b", "/v1/disks/a%0ab", "/v1/disks/%", "/v1/disks/%zz",
      "/v1/disks/%ff", "/v1//disks", "//etc/passwd", "v1/disks", "/v1/disks/",
    ])
  func refusesPaths(_ path: String) async throws {
    let answer = await Bed().ask("GET", path)
    #expect(answer.status == 400, "\(path)")
    #expect(try answer.problem().code == "usage")
  }

  @Test("what is not there is 404, and a method that is not, 405 with those that are")
  func knowsItsPlaces() async throws {
    let bed = Bed()
    #expect(await bed.ask("GET", "/v2/disks").status == 404)
    #expect(await bed.ask("GET", "/v1/operations/none").status == 404)
    #expect(try await bed.ask("GET", "/v1/disks/none").problem().code == "disk_not_found")
    let put = await bed.ask("PUT", "/v1/disks")
    #expect(put.status == 405)
    #expect(put.header("Allow") == "GET, POST")
  }

  @Test("another media type is 415, a body where none belongs 400, an unknown parameter 400")
  func refusesMediaTypes() async throws {
    let bed = Bed()
    #expect(await bed.ask("POST", "/v1/disks", Self.disk, headers: ["content-type": "text/plain"]).status == 415)
    #expect(await bed.ask("GET", "/v1/disks", "{}").status == 400)
    let answer = await bed.ask("GET", "/v1/disks?wait=1s")
    #expect(answer.status == 400)
    #expect(try answer.problem().object == "wait")
    for wait in ["-1s", "301s", "x", "1m", ""] { #expect(await bed.ask("POST", "/v1/disks?wait=\(wait)", Self.disk).status == 400) }
  }

  @Test("a caller of the API names no file and no host, unless configuration says so, and then within the image service's own rules")
  func refusesLocations() async throws {
    let locations = ["/etc/shadow", "file:///etc/shadow", "http://169.254.169.254/x", "rbd://f/p/i/s", "./x"]
    for location in locations {
      for (path, body) in [
        ("/v1/disks", #"{"name":"d","image":"\#(location)"}"#), ("/v1/fetches", #"{"image":"\#(location)"}"#),
        ("/v1/plans", #"{"image":"\#(location)"}"#), ("/v1/prewarm-jobs", #"{"images":["\#(location)"]}"#),
      ] {
        let answer = await Bed().ask("POST", path, body)
        #expect(answer.status == 403, "\(path) \(location)")
        #expect(try answer.problem().code == "location_not_allowed")
      }
    }
    let open = Bed(locations: ["rbd"])
    #expect(await open.ask("POST", "/v1/fetches?wait=60s", #"{"image":"rbd://f/p/i/s"}"#).status == 200)
    for location in locations where !location.hasPrefix("rbd") {
      #expect(await open.ask("POST", "/v1/fetches", #"{"image":"\#(location)"}"#).status == 403)
    }
    #expect(open.engine.state.with { $0.begun } == 1)
  }

  @Test("a reader reads, and changes nothing")
  func keepsReadersOut() async throws {
    let bed = Bed()
    #expect(await bed.ask("GET", "/v1/disks", role: .reader).status == 200)
    #expect(await bed.ask("POST", "/v1/plans", #"{"image":"i"}"#, role: .reader).status == 200)
    #expect(await bed.ask("POST", "/v1/disks", Self.disk, role: .reader).status == 403)
    #expect(await bed.ask("DELETE", "/v1/disks/d1", role: .reader).status == 403)
    #expect(await bed.ask("DELETE", "/v1/operations/x", role: .reader).status == 403)
    #expect(bed.engine.state.with { $0.begun } == 0)
  }

  @Test("a caller with another configuration is told so")
  func comparesConfigurations() async throws {
    let bed = Bed()
    let other = await bed.ask("GET", "/v1/disks", headers: ["x-slipway-configuration": "n"])
    #expect(try other.problem().code == "configuration")
    #expect(await bed.ask("GET", "/v1/disks", headers: ["x-slipway-configuration": "m"]).status == 200)
  }

  @Test("while the daemon ends, nothing begins and whoever waits is let go")
  func drains() async throws {
    let bed = Bed()
    bed.engine.close()
    let id = try await bed.ask("POST", "/v1/fetches", #"{"image":"i"}"#).operation().id
    try await bed.until("it began") { bed.engine.state.with { $0.begun } == 1 }
    let waiter = Task { await bed.ask("GET", "/v1/operations/\(id)?wait=300s").status }
    await bed.operations.finish(within: .milliseconds(50))
    #expect(await waiter.value == 200)
    #expect(bed.operations[id]?.document.state == .cancelled)
    let late = await bed.ask("POST", "/v1/disks", Self.disk)
    #expect(late.status == 503)
    #expect(late.header("Retry-After") != nil)
    #expect(try late.problem().code == "agent_unavailable")
    #expect(await bed.ask("GET", "/readyz").status == 503)
    #expect(await bed.ask("GET", "/healthz").status == 200)
  }

  @Test("no more run at once than may, a spawn goes before a prewarming, and a deadline ends what waits too long")
  func takesTurns() async throws {
    let bed = Bed(atOnce: 1)
    bed.engine.close()
    let first = try await bed.ask("POST", "/v1/fetches", #"{"image":"a"}"#).operation()
    try await bed.until("it began") { bed.engine.state.with { $0.begun } == 1 }
    let warm = try await bed.ask("POST", "/v1/prewarm-jobs", #"{"images":["b"]}"#).operation()
    let spawn = try await bed.ask("POST", "/v1/disks", Self.disk).operation()
    #expect(bed.operations[warm.id]?.document.state == .queued)
    #expect(bed.operations[spawn.id]?.document.state == .queued)
    let late = await bed.ask("POST", "/v1/fetches?wait=60s", #"{"image":"c","deadline":1}"#)
    #expect(try late.problem().code == "timeout")
    bed.engine.open()
    for id in [first.id, warm.id, spawn.id] {
      #expect(try await bed.ask("GET", "/v1/operations/\(id)?wait=60s").operation().state == .done)
    }
  }
}
