/// What the server does in one go. Times are its own, in milliseconds: the clocks of the processes' machines are not compared.
///
/// A stream is a hash: `phase`, `opened`, `text`, `ended`, `handed`, `asked`, `shown`, `images` (how many) and `i1` to `i10`.
struct RedisScript: Sendable {
    let text: String

    private init(_ text: String) {
        self.text = """
            local t = redis.call('TIME')
            local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
            local function time(ms) return string.format('%.0f', ms) end
            local function status(key, shown)
              local h = redis.call('HMGET', key, 'phase', 'ended', 'handed', 'asked')
              if not h[1] then return false end
              local asked = tonumber(h[4])
              return {h[1], h[2] and 1 or 0, h[3] and 1 or 0, asked and now - asked or -1, shown}
            end

            """ + text
    }

    /// KEYS: the claim, and the stream that is opened with it. ARGV: the owner, and for how long.
    static let claim = RedisScript(
        """
        if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
          if KEYS[2] then
            redis.call('HSET', KEYS[2], 'phase', 'open', 'opened', time(now))
            redis.call('PEXPIRE', KEYS[2], ARGV[2])
          end
          return ARGV[1]
        end
        return redis.call('GET', KEYS[1])
        """
    )

    /// KEYS: the claim and the stream. ARGV: the owner.
    static let release = RedisScript(
        """
        if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1], KEYS[2]) end
        return 0
        """
    )

    /// KEYS: the stream. ARGV: the window; negative to look only.
    static let read = RedisScript(
        """
        local h = redis.call('HMGET', KEYS[1], 'phase', 'opened', 'text', 'ended', 'images')
        local phase, text = h[1], h[3]
        if not phase then return false end
        redis.call('HSET', KEYS[1], 'asked', time(now))
        local window = tonumber(ARGV[1])
        if window >= 0 then
          if phase == 'open' and now - (tonumber(h[2]) or now) >= window then
            phase = 'over'
            redis.call('HSET', KEYS[1], 'phase', phase)
          end
          if phase ~= 'open' then
            redis.call('HSET', KEYS[1], 'handed', '1')
          elseif text then
            redis.call('HSET', KEYS[1], 'shown', text)
          end
        end
        return {phase, text, h[4] and 1 or 0, phase ~= 'open' and tonumber(h[5]) or 0}
        """
    )

    /// KEYS: the stream, and its claim. ARGV: the owner, phase, age, for how much longer it is kept, whether there is text, the text,
    /// and the images.
    static let show = RedisScript(
        """
        local h = redis.call('HMGET', KEYS[1], 'phase', 'ended', 'handed')
        if not h[1] then redis.call('HSET', KEYS[1], 'opened', time(now - tonumber(ARGV[3]))) end
        if KEYS[2] then
          local owner = redis.call('GET', KEYS[2])
          if not owner then
            redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4])
          elseif owner == ARGV[1] then
            redis.call('PEXPIRE', KEYS[2], ARGV[4])
          end
        end
        if h[1] ~= 'over' and not h[2] and not h[3] then
          redis.call('HSET', KEYS[1], 'phase', ARGV[2], 'images', #ARGV - 6)
          if ARGV[5] == '1' then
            redis.call('HSET', KEYS[1], 'text', ARGV[6])
          else
            redis.call('HDEL', KEYS[1], 'text')
          end
          for n = 7, #ARGV do redis.call('HSET', KEYS[1], 'i' .. (n - 6), ARGV[n]) end
        end
        redis.call('PEXPIRE', KEYS[1], ARGV[4])
        return status(KEYS[1])
        """
    )

    /// KEYS: one that is used for nothing else. Fails where the others would.
    static let check = RedisScript(
        """
        redis.call('HSET', KEYS[1], 'checked', time(now))
        redis.call('PEXPIRE', KEYS[1], 10000)
        return 0
        """
    )

    /// KEYS: the stream.
    static let look = RedisScript("return status(KEYS[1])")

    /// KEYS: the stream.
    static let end = RedisScript(
        """
        local phase = redis.call('HGET', KEYS[1], 'phase')
        if phase and phase ~= 'open' then redis.call('HSET', KEYS[1], 'ended', '1') end
        return status(KEYS[1])
        """
    )

    /// KEYS: the stream. ARGV: how long it must not have been asked for.
    static let hold = RedisScript(
        """
        local h = redis.call('HMGET', KEYS[1], 'phase', 'ended', 'handed', 'asked', 'shown')
        local asked = tonumber(h[4])
        local isAsked = asked and now - asked < tonumber(ARGV[1])
        if h[1] == 'complete' and not h[2] and not h[3] and not isAsked then
          redis.call('HSET', KEYS[1], 'phase', 'open')
          if h[5] then
            redis.call('HSET', KEYS[1], 'text', h[5])
          else
            redis.call('HDEL', KEYS[1], 'text')
          end
        end
        return status(KEYS[1], h[5])
        """
    )
}
