/// What the command line asks for.
struct Options {
    enum Command { case suite, soak, list, help }

    /// Why a command line makes no sense.
    struct Problem: Error, CustomStringConvertible { let description: String }

    var command = Command.suite
    /// The cases to run; all of them if empty.
    var only: [String] = []
    var seed: UInt64?
    var isExhaustive = false
    /// How large the file is that goes over a slow line.
    var uploadBytes = 4_000_000
    /// Another echo-bot than the one beside this program.
    var echoBot: String?
    /// How long a soak lasts.
    var minutes = 10.0

    init(_ arguments: [String]) throws(Problem) {
        var rest = arguments[...]
        func value(of option: String) throws(Problem) -> String {
            guard let value = rest.popFirst() else { throw Problem(description: "\(option) needs a value; see --help") }
            return value
        }
        while let argument = rest.popFirst() {
            switch argument {
            case "soak": command = .soak
            case "--list": command = .list
            case "--help", "-h": command = .help
            case "--every-offset": isExhaustive = true
            case "--only":
                while let next = rest.first, !next.hasPrefix("-") {
                    guard Suite.all.contains(where: { $0.name == next }) else {
                        throw Problem(description: "there is no case \(next); see --list")
                    }
                    only.append(next)
                    rest.removeFirst()
                }
                if only.isEmpty { throw Problem(description: "--only needs the names of cases; see --list") }
            case "--seed":
                guard let number = UInt64(try value(of: argument)) else {
                    throw Problem(description: "--seed needs a number")
                }
                seed = number
            case "--upload-bytes":
                guard let number = Int(try value(of: argument)), (5...20_971_520).contains(number) else {
                    throw Problem(description: "--upload-bytes needs a number from 5 to 20971520")
                }
                uploadBytes = number
            case "--echo-bot": echoBot = try value(of: argument)
            case "--minutes":
                guard let number = Double(try value(of: argument)), (0.1...10_000).contains(number) else {
                    throw Problem(description: "--minutes needs a number from 0.1 to 10000")
                }
                minutes = number
            default: throw Problem(description: "unknown argument \(argument); see --help")
            }
        }
    }

    static let help = """
        faults: bots over links that break, against the simulated service, on this machine only.

        Usage: faults [--only NAME…] [--every-offset] [--upload-bytes N] [--echo-bot PATH] [--seed N]
               faults soak [--minutes M] [--seed N]
               faults --list | --help

          --only NAME…     some cases; --list names them
          --every-offset   cut a stream at every byte instead of at a sample of them
          --upload-bytes N the size of the file that goes over a slow line (4000000)
          --echo-bot PATH  the program to kill and stop; the one beside this unless given
          --seed N         the random numbers of an earlier run
          soak             conversations under faults for M minutes (10), with what they cost

        Exit status: 0 if every case passed, 1 if one did not, 64 for a wrong argument.
        """
}
