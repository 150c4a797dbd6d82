import GatewaySimulator
import WeComBot

/// Where everything about a conversation comes together: it keeps the books and shows them.
actor Stage {
    private var ledger = Ledger()
    private var view: any View

    init(_ makeView: @Sendable () -> any View) {
        view = makeView()
    }

    var answers: [Answer] { ledger.answers }
    var figures: Figures { ledger.figures }

    func begin(url: String, script: Script) {
        view.begin(url: url, script: script)
    }

    /// A question is about to be asked.
    func announce(_ turn: Script.Turn) {
        ledger.announce(turn)
    }

    func settle(_ messageID: String, _ delivery: Delivery) {
        ledger.settle(messageID, delivery)
    }

    func observe(_ observation: Observation) {
        guard let event = ledger.observe(observation) else { return }
        view.show(event, ledger.figures)
    }

    func observe(_ state: ConnectionState) {
        view.show(.state(state), ledger.figures)
    }

    func tick() {
        view.tick()
    }

    /// The connection is about to be closed on purpose.
    func close() {
        ledger.close()
    }

    func end(_ ending: PlayEnding) {
        view.end(ending)
    }
}
