import Configuration
import Model

/// A machine with the files and variables that a test names.
func system(_ files: [String: String] = [:], environment: [String: String] = [:], readable: Set<String> = []) -> ConfigurationSystem {
  ConfigurationSystem(
    environment: environment, home: "/home/me", read: { path in files[path].map { Array($0.utf8) } },
    isReadable: { readable.contains($0) })
}

/// The standard file's place in tests.
let standard = LoadedConfiguration.standardFile

/// Loads a text as the standard file.
func load(_ text: String, _ environment: [String: String] = [:]) throws -> LoadedConfiguration {
  try LoadedConfiguration.load(system: system([standard: text], environment: environment))
}

/// What is wrong with a text.
func problems(_ text: String, _ environment: [String: String] = [:]) throws -> [ConfigurationProblem] {
  try LoadedConfiguration.examine(system: system([standard: text], environment: environment)).1
}
