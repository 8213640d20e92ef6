import Foundation
import Model
import OpenStack
import Testing

@Suite struct CloudFilesTests {
  /// Writes files into a directory of the test's own.
  private func directory(_ files: [String: String]) throws -> String {
    let path = NSTemporaryDirectory() + "slipway-clouds-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8) }
    return path
  }

  private func load(_ name: String?, _ files: [String: String], environment: [String: String] = [:]) throws -> CloudConfiguration {
    let path = try directory(files)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try CloudFiles(environment: environment, currentDirectory: path, systemDirectory: "/nonexistent").load(name)
  }

  private func failure(_ name: String?, _ files: [String: String], environment: [String: String] = [:]) throws -> SlipwayError {
    do {
      _ = try load(name, files, environment: environment)
    } catch let error as SlipwayError {
      return error
    }
    throw Optional<Int>.Absent()
  }

  private func credential(_ cloud: CloudConfiguration) throws -> (url: String, label: String) {
    guard case .keystone(let url, let credential) = cloud.access else { throw Optional<Int>.Absent() }
    return (url, credential.label)
  }

  static let password = """
    clouds:
      prod:
        auth: {auth_url: "https://k:5000/v3", username: agent, password: 012345, project_name: service, user_domain_name: D}
        region_name: R1
        interface: internalURL
        image_endpoint_override: https://glance.example
        verify: false
      other:
        auth: {auth_url: "https://k", username: u, password: p, project_id: x}
    """

  @Test func aPasswordCloudIsRead() throws {
    let cloud = try load("prod", ["clouds.yaml": CloudFilesTests.password])
    #expect(cloud.name == "prod" && cloud.region == "R1" && cloud.interface == .internal && !cloud.verifiesPeer)
    #expect(cloud.imageEndpoint == "https://glance.example")
    #expect(try credential(cloud) == ("https://k:5000/v3", "user 'agent'"))
  }

  @Test func anApplicationCredentialIsRead() throws {
    let yaml = """
      clouds:
        a:
          auth_type: v3applicationcredential
          auth: {auth_url: "https://k", application_credential_id: abc, application_credential_secret: s}
        b:
          auth: {auth_url: "https://k", application_credential_name: n, username: u, application_credential_secret: s}
      """
    #expect(try credential(load("a", ["clouds.yaml": yaml])).label == "application credential 'abc'")
    #expect(try credential(load("b", ["clouds.yaml": yaml])).label == "application credential 'n' of user 'u'")
  }

  @Test func aJSONFileIsYAMLToo() throws {
    let json = #"{"clouds": {"a": {"auth": {"auth_url": "https://k", "token": "t"}}}}"#
    #expect(try credential(load("a", ["clouds.yaml": json])).label == "the given token")
  }

  @Test func secretsMayLieApart() throws {
    let yaml = "clouds: {a: {auth: {auth_url: 'https://k', username: u, project_name: p}}}"
    let secure = "clouds: {a: {auth: {password: apart}}}"
    #expect(try failure("a", ["clouds.yaml": yaml]).message.contains("password is missing"))
    #expect(try credential(load("a", ["clouds.yaml": yaml, "secure.yaml": secure])).label == "user 'u'")
  }

  @Test func theVariableNamesTheFile() throws {
    let path = try directory(["elsewhere.yaml": CloudFilesTests.password])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let environment = ["OS_CLIENT_CONFIG_FILE": "\(path)/elsewhere.yaml"]
    let files = CloudFiles(environment: environment, currentDirectory: "/nonexistent", systemDirectory: "/nonexistent")
    #expect(try files.names() == ["prod", "other"])
    #expect(try files.load("other").name == "other")
  }

  @Test func theCurrentDirectoryComesBeforeTheHome() throws {
    let home = try directory([:])
    defer { try? FileManager.default.removeItem(atPath: home) }
    try FileManager.default.createDirectory(atPath: "\(home)/.config/openstack", withIntermediateDirectories: true)
    let yaml = "clouds: {home: {auth: {auth_url: 'https://k', token: t}}}"
    try yaml.write(toFile: "\(home)/.config/openstack/clouds.yaml", atomically: false, encoding: .utf8)
    #expect(try load(nil, [:], environment: ["HOME": home]).name == "home")
    #expect(try failure("home", ["clouds.yaml": CloudFilesTests.password], environment: ["HOME": home]).code == .configuration)
  }

  @Test func anUnknownCloudIsToldWithThoseThatAre() throws {
    let error = try failure("nope", ["clouds.yaml": CloudFilesTests.password])
    #expect(error.code == .configuration)
    #expect(error.description.contains("nope") && error.description.contains("prod, other"))
  }

  @Test func severalCloudsWantAChoice() throws {
    #expect(try failure(nil, ["clouds.yaml": CloudFilesTests.password]).description.contains("prod, other"))
    #expect(try load(nil, ["clouds.yaml": CloudFilesTests.password], environment: ["OS_CLOUD": "other"]).name == "other")
  }

  @Test func noFileSaysWhereItWasLookedFor() throws {
    let error = try failure("prod", [:])
    #expect(error.code == .configuration && error.description.contains("/nonexistent/clouds.yaml"))
  }

  @Test func variablesAloneAreACloud() throws {
    let environment = [
      "OS_AUTH_URL": "https://k/v3", "OS_AUTH_TYPE": "v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID": "abc",
      "OS_APPLICATION_CREDENTIAL_SECRET": "s", "OS_REGION_NAME": "R7", "OS_INTERFACE": "admin", "OS_INSECURE": "true",
    ]
    let cloud = try load(nil, [:], environment: environment)
    #expect(cloud.name == "environment" && cloud.region == "R7" && cloud.interface == .admin && !cloud.verifiesPeer)
    #expect(try credential(cloud).label == "application credential 'abc'")
  }

  @Test func aServiceWithoutAuthenticationIsACloud() throws {
    let cloud = try load(nil, [:], environment: ["OS_AUTH_TYPE": "none", "OS_ENDPOINT": "http://glance:9292"])
    guard case .endpoint(let url) = cloud.access else { throw Optional<Int>.Absent() }
    #expect(url == "http://glance:9292")
  }

  @Test(arguments: [
    ("auth: {username: u, password: p, project_name: x}", "auth_url"), ("auth: {auth_url: 'https://k', password: p}", "username"),
    ("auth: {auth_url: 'https://k', username: u, project_name: x}", "password"),
    ("auth: {auth_url: 'https://k', username: u, password: p}", "project_name"),
    ("auth: {auth_url: 'https://k', application_credential_secret: p}", "application_credential_id"),
    ("auth_type: v3kerberos", "v3kerberos"), ("profile: vexxhost, auth: {username: u, password: p, project_name: x}", "vexxhost"),
    ("interface: sideways, auth: {auth_url: 'https://k', token: p}", "sideways"),
    ("verify: perhaps, auth: {auth_url: 'https://k', token: p}", "perhaps"),
    ("cacert: /nonexistent.pem, auth: {auth_url: 'https://k', token: p}", "/nonexistent.pem"),
  ])
  func whatIsMissingOrWrongIsNamedWithTheCloud(body: String, word: String) throws {
    let error = try failure("mine", ["clouds.yaml": "clouds: {mine: {\(body)}}"])
    #expect(error.code == .configuration)
    #expect(error.description.contains("mine") && error.description.contains(word))
  }

  @Test func aBrokenFileIsToldWithoutItsContent() throws {
    let error = try failure("a", ["clouds.yaml": "clouds:\n  a: {auth: {password: hunter2\n  b: ]["])
    #expect(error.code == .configuration)
    #expect(error.description.contains("line"))
    #expect(!error.description.contains("hunter2") && error.cause == nil)
  }

  @Test func aPasswordOfDigestsStaysWhatItIs() throws {
    let cloud = try load("prod", ["clouds.yaml": CloudFilesTests.password])
    var dumped = ""
    dump(cloud, to: &dumped)
    #expect(!dumped.contains("12345"))
  }
}
