-- Asks sallyport whether a request may pass (docs/http-forward-auth.md). Sets, by its answer,
--   txn.sallyport.status  "200" let in, "401" to the gate, "403" denied, "503" no answer
--   txn.sallyport.gate    where a browser asks to be let in
--   txn.sallyport.challenge  WWW-Authenticate of a 401, which says the same to a program
--   txn.sallyport.user    whose grant it is

local URL = "http://127.0.0.1:9091/.sallyport/auth/haproxy"
local TIMEOUT_MS = 5000

-- About this connection or this request's content, not about the visitor; and what we say.
local LEFT_OUT = {
  ["connection"] = true, ["keep-alive"] = true, ["proxy-connection"] = true, ["te"] = true,
  ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true, ["expect"] = true,
  ["content-length"] = true, ["host"] = true, ["forwarded"] = true,
  ["x-forwarded-method"] = true, ["x-forwarded-proto"] = true, ["x-forwarded-host"] = true,
  ["x-forwarded-uri"] = true, ["x-forwarded-for"] = true,
}

core.register_action("sallyport", { "http-req" }, function(txn)
  local headers = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not LEFT_OUT[name] then
      headers[name] = values
    end
  end
  headers["x-forwarded-method"] = { txn.sf:method() }
  headers["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
  headers["x-forwarded-host"] = { txn.sf:req_hdr("host") }
  headers["x-forwarded-uri"] = { txn.sf:pathq() }
  headers["x-forwarded-for"] = { txn.sf:src() }

  local answer = core.httpclient():get{ url = URL, headers = headers, timeout = TIMEOUT_MS }
  local status = answer and answer.status or 0
  local function first(name)
    local values = answer.headers and answer.headers[name]
    return values and values[0]
  end
  if status == 200 then
    txn:set_var("txn.sallyport.status", "200")
    local user = first("remote-user")
    if user then
      txn:set_var("txn.sallyport.user", user)
    end
  elseif status == 302 or status == 303 then
    txn:set_var("txn.sallyport.status", "401")
    txn:set_var("txn.sallyport.gate", first("location"))
  elseif status == 401 or status == 403 then
    txn:set_var("txn.sallyport.status", tostring(status))
    txn:set_var("txn.sallyport.challenge", first("www-authenticate") or "Sallyport")
  else
    txn:set_var("txn.sallyport.status", "503")
  end
end)
