import Model
import Testing
import Wire

/// The documents of cleaning, to the byte.
@Suite struct CleanGoldenTests {
  @Test func clean() throws {
    let document = CleanDocument(
      store: "/s", dryRun: true,
      evicted: [
        .init(name: "a", path: "/s/bases/a", images: ["i"], rule: "image_gone", detail: "image i is deleted", reclaimed: 7),
        .init(name: "b", path: "/s/bases/b", images: [], rule: "unused", detail: nil, reclaimed: 5),
      ],
      quarantine: [.init(path: "/s/quarantine/1-0-q", name: "q", reason: "r", since: "2026-01-01T00:00:00Z", reclaimed: 3)],
      kept: [.init(name: "c", path: "/s/bases/c", images: ["j"], reason: "in_use", detail: "by /d")],
      failed: [.init(name: "d", path: "/s/bases/d", error: SlipwayError(.ioError, "cannot rename d", object: "d"))],
      unmet: ["over_size"], blocked: [.init(reason: "maintenance", detail: "stopped")],
      disks: .init(
        files: 3, overlays: 2, unreadable: [.init(path: "/d/u", problem: "it is damaged", mayReferTo: nil)], vanished: ["/d/v"],
        missing: ["/s/bases/e": ["/d"]]),
      unasked: nil,
      pool: PoolCleanDocument(
        pool: "bases", pools: [.init(pool: "bases", tier: "default", count: 1, allocated: 9, pending: 4, unmet: ["over_count"])],
        evicted: [
          .init(name: "slipway.base.1", path: "bases/slipway.base.1@base", images: ["k"], rule: "over_count", detail: nil, reclaimed: 2)
        ],
        kept: [.init(name: "slipway.base.2", path: "bases/slipway.base.2@base", images: [], reason: "in_use", detail: "by vms/v")],
        failed: [],
        unmet: ["over_count"],
        deletions: [.init(pool: "vms", imageID: "1f", name: "v", asked: "2026-01-01T00:00:00Z", removed: false, detail: nil)],
        uploads: [
          .init(
            image: try #require(ImageID("1bea47ed-f6a9-463b-b423-14b9cca9ad27")), source: "vms/u", stage: "flatten",
            began: "2026-01-01T00:00:00Z", done: true, detail: nil)
        ],
        unavailable: nil), seconds: 0.5)
    #expect(
      try WireCoding.text(document)
        == #"{"blocked":[{"detail":"stopped","reason":"maintenance"}],"disks":{"files":3,"missing":{"/s/bases/e":["/d"]},"overlays":2,"unreadable":[{"may_refer_to":null,"path":"/d/u","problem":"it is damaged"}],"vanished":["/d/v"]},"dry_run":true,"evicted":[{"detail":"image i is deleted","images":["i"],"name":"a","path":"/s/bases/a","reclaimed":7,"rule":"image_gone"},{"detail":null,"images":[],"name":"b","path":"/s/bases/b","reclaimed":5,"rule":"unused"}],"failed":[{"error":{"code":"io_error","hint":null,"message":"cannot rename d","object":"d","retry":"elsewhere"},"name":"d","path":"/s/bases/d"}],"kept":[{"detail":"by /d","images":["j"],"name":"c","path":"/s/bases/c","reason":"in_use"}],"pool":{"deletions":[{"asked":"2026-01-01T00:00:00Z","detail":null,"image_id":"1f","name":"v","pool":"vms","removed":false}],"evicted":[{"detail":null,"images":["k"],"name":"slipway.base.1","path":"bases/slipway.base.1@base","reclaimed":2,"rule":"over_count"}],"failed":[],"kept":[{"detail":"by vms/v","images":[],"name":"slipway.base.2","path":"bases/slipway.base.2@base","reason":"in_use"}],"pool":"bases","pools":[{"allocated":9,"count":1,"pending":4,"pool":"bases","tier":"default","unmet":["over_count"]}],"reclaimed":2,"unavailable":null,"unmet":["over_count"],"uploads":[{"began":"2026-01-01T00:00:00Z","detail":null,"done":true,"image":"1bea47ed-f6a9-463b-b423-14b9cca9ad27","source":"vms/u","stage":"flatten"}]},"quarantine":[{"name":"q","path":"/s/quarantine/1-0-q","reason":"r","reclaimed":3,"since":"2026-01-01T00:00:00Z"}],"reclaimed":15,"seconds":0.5,"store":"/s","unasked":null,"unmet":["over_size"],"version":1}"#
    )
  }

  @Test func pin() throws {
    let document = PinDocument(
      image: "i", outcome: "pinned",
      bases: [
        .init(name: "a", path: "/s/bases/a", pin: .init(note: nil, created: "2026-01-01T00:00:00Z", expires: "2026-01-08T00:00:00Z")),
        .init(name: "b", path: "/s/bases/b", pin: nil),
      ])
    #expect(
      try WireCoding.text(document)
        == #"{"bases":[{"name":"a","path":"/s/bases/a","pin":{"created":"2026-01-01T00:00:00Z","expires":"2026-01-08T00:00:00Z","note":null}},{"name":"b","path":"/s/bases/b","pin":null}],"image":"i","outcome":"pinned","version":1}"#
    )
  }

  @Test func verify() throws {
    let document = VerifyDocument(
      store: "/s",
      bases: [
        .init(
          name: "a", path: "/s/bases/a", images: ["i"], verdict: "damaged", detail: nil, blocks: 3, damagedBlocks: 1,
          damaged: [.init(offset: 4, length: 2)], read: 9, consequence: "marked", quarantine: nil, usedBy: ["/d"], refetched: nil,
          error: nil)
      ], seconds: 0.5)
    #expect(
      try WireCoding.text(document)
        == #"{"bases":[{"blocks":3,"consequence":"marked","damaged":[{"length":2,"offset":4}],"damaged_blocks":1,"detail":null,"error":null,"images":["i"],"name":"a","path":"/s/bases/a","quarantine":null,"read":9,"refetched":null,"used_by":["/d"],"verdict":"damaged"}],"counts":{"damaged":1,"failed":0,"sound":0,"unverifiable":0},"seconds":0.5,"store":"/s","version":1}"#
    )
  }
}
