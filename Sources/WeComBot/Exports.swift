// What a bot author needs comes with `import WeComBot`.
@_exported public import BotCore
@_exported public import BotFoundation
@_exported public import WeComAIBot
