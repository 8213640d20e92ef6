import Foundation
import Model
import Testing

@testable import ImageStore

/// The INI dialect of oslo.config, and what of it says how Nova's cache is laid out.
@Suite struct NovaConfTests {
  private func conf(_ text: String) throws -> NovaConf {
    var conf = NovaConf()
    try conf.read(text, path: "nova.conf")
    return conf
  }

  private func settings(_ text: String, instancesPath: String? = nil) throws -> NovaSettings {
    try NovaSettings(conf(text), conf: "nova.conf", instancesPath: instancesPath)
  }

  private func code(_ body: () throws -> Void) -> ErrorCode? {
    do {
      try body()
      return nil
    } catch { return SlipwayError.wrap(error).code }
  }

  @Test(arguments: [
    ("[DEFAULT]\nkey = value", "value"), ("[DEFAULT]\nkey: value  ", "value"), ("[DEFAULT]\nkey=a=b:c", "a=b:c"),
    ("[DEFAULT]\nkey = \"a b\"", "a b"), ("[DEFAULT]\nkey = 'a'", "a"), ("[DEFAULT]\nkey = \"a", "\"a"), ("[DEFAULT]\nkey =", ""),
    ("[DEFAULT]\nkey = a\n  b\n\tc\n", "a\nb\nc"), ("[DEFAULT]\nkey = a\n# x\nother = b", "a"), ("[DEFAULT]\r\nkey = a\r\n", "a"),
    ("[DEFAULT]\nkey = a\nkey = b", "b"), ("[DEFAULT]\n;key = a\nkey = b # c", "b # c"),
    ("[other]\nkey = x\n[DEFAULT]\nkey = y\n[other]", "y"),
  ])
  func aValueIsRead(text: String, value: String) throws {
    #expect(try conf(text).value("DEFAULT", "key") == value)
  }

  @Test func namesOfGroupsAreCompareInLowerCaseAndDefaultApart() throws {
    let conf = try conf("[LibVirt]\nimages_type = qcow2\n[default]\nkey = x")
    #expect(try conf.value("libvirt", "images_type") == "qcow2")
    #expect(try conf.value("DEFAULT", "key") == nil)
  }

  @Test(arguments: ["key = a", "[DEFAULT]\nkey", "[DEFAULT\nkey = a", "[]\n", " key = a", "[DEFAULT]\n= a", "[DEFAULT]\nkey = a\n\n  b"])
  func whatOsloWouldRefuseIsRefusedWithItsLine(text: String) {
    #expect(code { _ = try conf(text) } == .configuration)
  }

  @Test(arguments: [
    ("$state_path/x", "/var/lib/nova/x"), ("${state_path}x", "/var/lib/novax"), ("$$state_path", "$state_path"),
    ("\\$state_path", "$state_path"), ("$other.dir/y", "/o/y"), ("${Other.dir}", "/o"), ("a$", "a$"), ("a$1", "a$1"),
    ("$twice", "/var/lib/nova/t"),
  ])
  func variablesAreReplaced(text: String, value: String) throws {
    let conf = try conf(
      "[DEFAULT]\nstate_path = /var/lib/nova\ntwice = $state_path/t\nkey = \(text)\n[other]\ndir = /o\n")
    #expect(try conf.value("DEFAULT", "key") == value)
  }

  @Test(arguments: ["[DEFAULT]\nkey = $none", "[DEFAULT]\nkey = $other\nother = $key"])
  func aVariableThatLeadsNowhereIsRefused(text: String) throws {
    let conf = try conf(text)
    #expect(code { _ = try conf.value("DEFAULT", "key") } == .configuration)
  }

  @Test(arguments: [
    ("True", true), ("1", true), ("on", true), ("YES", true), ("False", false), ("0", false), ("off", false), ("no", false),
  ])
  func flagsAreOslos(text: String, value: Bool) throws {
    #expect(try conf("[DEFAULT]\nkey = \(text)").flag("DEFAULT", "key") == value)
  }

  @Test func whatNovaDefaultsToIsDefaultHere() throws {
    let found = try settings("[DEFAULT]\nstate_path = /var/lib/nova\n")
    #expect(found.instancesPath == "/var/lib/nova/instances")
    #expect(found.cacheName == "_base")
    #expect(found.forcesRaw)
  }

  @Test func whatIsSetIsTaken() throws {
    let found = try settings(
      "[DEFAULT]\ninstances_path = /srv/i/\nforce_raw_images = false\n[libvirt]\nimages_type = flat\n[image_cache]\nsubdirectory_name = cache\n"
    )
    #expect(try found == NovaSettings(instancesPath: "/srv/i", cacheName: "cache", forcesRaw: false))
  }

  @Test func theFormerNameOfTheCachesOptionCountsAfterTheNewOne() throws {
    let former = "[DEFAULT]\ninstances_path = /i\nimage_cache_subdirectory_name = old\n"
    #expect(try settings(former).cacheName == "old")
    #expect(try settings(former + "[image_cache]\nsubdirectory_name = new\n").cacheName == "new")
  }

  @Test func theHostsPathOverridesTheContainers() throws {
    #expect(try settings("[DEFAULT]\ninstances_path = $pybasedir/x\n", instancesPath: "/host/i").instancesPath == "/host/i")
  }

  @Test func aPathThatNobodyTellsIsNotGuessed() { #expect(code { _ = try settings("[DEFAULT]\n") } == .configuration) }

  @Test(arguments: ["rbd", "lvm", "ploop", "other"]) func hostsWhoseDisksGrowFromNoFilesAreRefused(kind: String) {
    let text = "[DEFAULT]\ninstances_path = /i\n[libvirt]\nimages_type = \(kind)\n"
    #expect(code { _ = try settings(text) } == .storeRefused)
  }

  @Test(arguments: ["..", "", "a/b"]) func aCacheThatIsNoSingleDirectoryIsRefused(name: String) {
    #expect(code { _ = try NovaSettings(instancesPath: "/i", cacheName: name) } == .configuration)
  }

  @Test func laterFilesCountMore() throws {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(atPath: "\(scratch.path)/nova.conf.d", withIntermediateDirectories: true)
    func write(_ name: String, _ text: String) throws {
      try text.write(toFile: "\(scratch.path)/\(name)", atomically: false, encoding: .utf8)
    }
    try write("nova.conf", "[DEFAULT]\nstate_path = /a\nforce_raw_images = true\n[libvirt]\nimages_type = rbd\n")
    try write("nova-compute.conf", "[libvirt]\nimages_type = qcow2\n")
    try write("nova.conf.d/10-x.conf", "[DEFAULT]\nstate_path = /b\n")
    try write("nova.conf.d/20-y.conf", "[DEFAULT]\nstate_path = /c\n")
    try write("nova.conf.d/README", "no configuration")
    let found = try NovaSettings.load(conf: "\(scratch.path)/nova.conf", instancesPath: nil)
    #expect(found.instancesPath == "/c/instances")
    #expect(code { _ = try NovaSettings.load(conf: "\(scratch.path)/none.conf", instancesPath: nil) } == .configuration)
  }
}
