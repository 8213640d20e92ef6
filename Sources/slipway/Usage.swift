internal import ArgumentParser
internal import Configuration
internal import Model

/// What is wrong with a command line, as an error of ours: the sentence, and where the help is.
enum Usage {
  /// What the parser would tell badly: no such verb, or an option where a verb should be. Nil when the words lead to a verb, or ask for help.
  static func verbError(_ arguments: [String]) -> SlipwayError? {
    let (command, path, rest) = walk(arguments)
    let verbs = names(command)
    guard !verbs.isEmpty, let word = rest.first, !isForTheParser(word) else { return nil }
    let here = path.joined(separator: " ")
    if word.hasPrefix("-") {
      return SlipwayError(
        .usage, "'\(here)' needs a verb before '\(word)'", object: word,
        hint: "options come after the verb, which is one of: \(verbs.joined(separator: ", "))")
    }
    let nearest = Nearest.to(word, among: verbs).flatMap { Nearest.distance(word, $0) <= 2 ? "did you mean '\($0)'? " : nil } ?? ""
    return SlipwayError(
      .usage, "'\(here)' has no verb '\(word)'", object: word, hint: "\(nearest)It has: \(verbs.joined(separator: ", "))")
  }

  /// What the parser found wrong, with what its help says of the option or argument in question.
  static func error(_ error: any Error, _ arguments: [String]) -> SlipwayError {
    var path = walk(arguments).path
    path.insert("help", at: 1)
    var hint = "see: \(path.joined(separator: " "))"
    for line in Slipway.fullMessage(for: error).split(separator: "\n") where line.hasPrefix("Help:") {
      let help = line.dropFirst("Help:".count).drop { $0 == " " }
      hint = "\(help.hasSuffix(".") ? help.dropLast() : help); \(hint)"
    }
    return SlipwayError(.usage, sentence(Slipway.message(for: error)), hint: hint)
  }

  /// As our own sentences: without a final full stop, and small at the beginning.
  private static func sentence(_ text: String) -> String {
    let text = text.hasSuffix(".") ? text.dropLast() : text[...]
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  /// The command that the words lead to, the words that led there, and the rest.
  private static func walk(_ arguments: [String]) -> (command: any ParsableCommand.Type, path: [String], rest: ArraySlice<String>) {
    var command: any ParsableCommand.Type = Slipway.self
    var path = ["slipway"]
    var rest = arguments[...]
    if rest.first == "help" { rest = rest.dropFirst() }
    while let word = rest.first, let next = command.configuration.subcommands.first(where: { $0.configuration.commandName == word }) {
      command = next
      path.append(word)
      rest = rest.dropFirst()
    }
    return (command, path, rest)
  }

  private static func names(_ command: any ParsableCommand.Type) -> [String] {
    command.configuration.subcommands.compactMap { $0.configuration.commandName }
  }

  /// What the parser itself answers in place of a verb: help, the version, completions and its own experiments.
  private static func isForTheParser(_ word: String) -> Bool {
    ["-h", "--help", "--help-hidden", "--version", "help"].contains(word) || word.hasPrefix("---")
      || word.hasPrefix("--generate-completion-script") || word.hasPrefix("--experimental-")
  }
}
