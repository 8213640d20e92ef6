import Configuration
import Model
import Testing

@Suite struct ProblemTests {
  @Test("a tab in front of a key is told as such")
  func tab() throws {
    let problem = try #require(problems("store:\n\tpath: /x\n").first)
    #expect(problem.line == 2 && problem.message.contains("indented with a tab") && problem.hint == "indent with spaces")
  }

  @Test("the sentence has the nearest known key in it")
  func sentence() throws {
    #expect(try problems("store: { pth: /x }").map(\.sentence) == ["\(standard):1: unknown key 'store.pth'; did you mean 'store.path'?"])
  }

  @Test("the file that is wrong is told also where nothing could be loaded")
  func place() {
    #expect(LoadedConfiguration.place(system: system([standard: "]"])) == standard)
    #expect(LoadedConfiguration.place(system: system()) == nil)
    #expect(LoadedConfiguration.place(file: "/a", system: system()) == "/a")
    #expect(LoadedConfiguration.place(system: system(environment: ["SLIPWAY_CONFIG": "/b"])) == "/b")
  }

  @Test("a directory in place of a file is told what to do about")
  func directory() {
    let error = #expect(throws: SlipwayError.self) { try LoadedConfiguration.load(file: "/") }
    #expect(error?.hint == "name the YAML file in it")
  }

  @Test(
    "an unknown key names its line and the nearest known key",
    arguments: [
      ("store:\n  pth: /x", 2, "store.pth", "store.path"), ("stroe: { path: /x }", 1, "stroe", "store"),
      ("\nclean:\n  every: 1h\n  unusedfor: 2h", 4, "clean.unusedfor", "clean.unused_for"),
      ("clusters:\n  - name: a\n    usr: b", 3, "clusters[].usr", "clusters[].user"),
      ("on_direct_faild: fail", 1, "on_direct_faild", "on_direct_failed"), ("<<: {}", 1, "<<", nil),
      ("cinder: { backends: { b: { cluster: main, pol: x } } }", 1, "cinder.backends.b.pol", "cinder.backends.b.pool"),
    ])
  func unknownKeys(_ text: String, _ line: Int, _ key: String, _ nearest: String?) throws {
    let problem = try #require(try problems(text).first)
    #expect(problem.line == line && problem.key == key)
    #expect(problem.description.hasPrefix("\(standard):\(line): unknown key '\(key)'"))
    if let nearest { #expect(problem.hint == "did you mean '\(nearest)'?") }
  }

  @Test(
    "a value of the wrong type or range is an error at its line",
    arguments: [
      "limits: { transfers: many }", "limits: { transfers: 0 }", "limits: { transfers: 257 }", "limits: { memory: 1M }",
      "limits: { memory: -1 }",
      "limits: { memory: big }", "clean: { every: 40 }", "clean: { every: 4w }", "clean: { every: -4m }",
      "clean: { every: 99999999999999999d }",
      "clean: { min_free: 0% }", "clean: { min_free: 100% }", "clean: { min_free: ten% }", "store: { path: images }",
      "store: { path: /a/../b }", "store: { path: }", "store: { path: [/a] }", "store: { shared: maybe }", "store: { layout: flat }",
      "store: /x", "file_roots: /srv", "file_roots: [srv]", "allowed_direct_url_schemes: [http]", "images: { endpoint: glance }",
      "images: { endpoint: 'http://' }", "clusters: main", "clusters: [main]", "clusters: [{ conf: /etc/ceph/ceph.conf }]",
      "clusters: [{ name: a b }]", "clusters: [{ name: a, fsid: abc }]", "clusters: [{ name: a, user: client.admin }]",
      "clusters: [{ name: a, timeout: 0 }]", "clusters: [{ name: a, timeout: 11m }]", "cinder: { backends: [] }", "log: { level: loud }",
      "nova: { uid: -1 }", "disks: { target: ceph }", "clusters: null", "log: {level: info, level: debug}", "a: b: c", "- a",
      "x: 1\n---\ny: 2", "store: {",
    ])
  func wrongValues(_ text: String) throws {
    let problem = try #require(try problems(text).first)
    #expect(problem.line == 1 || text.contains("---") || text.hasSuffix("{"))
    #expect(throws: SlipwayError.self) { try load(text) }
  }

  @Test(
    "names must be known and unique, and keys that exclude each other are told apart",
    arguments: [
      ("clusters: [{ name: a }, { name: a }]\ndisks: { cluster: a }", "clusters"), ("disks: { cluster: b }", "disks.cluster"),
      ("clusters: [{ name: a }]", "disks.cluster"), ("bases: { cluster: b }", "bases.cluster"),
      ("cinder: { backends: { h: { cluster: b, pool: p } } }", "cinder.backends"),
      ("images: { cloud: a, endpoint: 'http://h' }", "images.endpoint"), ("prewarm: { sets: [{ name: s }] }", "prewarm.sets"),
      ("prewarm: { sets: [{ name: s, tag: t, images: [i] }] }", "prewarm.sets"),
      ("prewarm: { sets: [{ name: s, images: [] }] }", "prewarm.sets"), ("prewarm: { sets: [{ name: s, tag: 'a,b' }] }", "prewarm.sets"),
      ("prewarm: { sets: [{ name: s, tag: t }, { name: s, tag: u }] }", "prewarm.sets"),
      ("disks: { path: /var/lib/slipway/images/ }", "disks.path"),
      ("enable_clone_upload: true\nenable_clone_optimization: false", "enable_clone_optimization"),
    ])
  func relations(_ text: String, _ key: String) throws {
    #expect(try problems(text).map(\.key) == [key])
  }

  @Test("one bad cluster name does not make a host without RBD disks unusable")
  func localHost() throws {
    #expect(try problems("clusters: [{ name: a }]\ndisks: { target: qcow2 }").isEmpty)
  }

  @Test("all problems are found; the error tells the first, the key, and how many more")
  func several() throws {
    let text = "stor: 1\nlimits: { transfers: 0 }\nlog: { level: loud }"
    #expect(try problems(text).map(\.line) == [1, 2, 3])
    let error = #expect(throws: SlipwayError.self) { try load(text) }
    #expect(error?.code == .configuration && error?.code.exitCode == 2)
    #expect(error?.message.contains("(and 2 more") == true)
  }

  @Test("a wrong word is answered with the nearest and all that are known")
  func words() throws {
    let hint = try #require(try problems("on_not_cloneable: falback").first?.hint)
    #expect(hint.contains("did you mean 'fallback'?") && hint.contains("copy-to-store"))
  }

  @Test("a URL that is wrong is not quoted: it may carry a password")
  func noSecretInErrors() throws {
    let problem = try #require(try problems("images: { endpoint: 'ftp://me:hunter2@host' }").first)
    #expect(!problem.description.contains("hunter2") && problem.hint?.contains("hunter2") == false)
  }
}
