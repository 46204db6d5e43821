#include "verify/channels/builtin_texts.h"

#include <array>

namespace sallyport::verify {
namespace {

using enum MessageKind;

// Mail programs know little CSS and no style sheets: it stands with the elements, and works
// without.
constexpr std::array kTexts = {
    BuiltinText{
        .language = "en",
        .kind = token,
        .subject = "{issuer}: your login code is {code}",
        .text =
            "Hello {name},\n\nyour code for {issuer} is\n\n    {code}\n\n"
            "It is good for {minutes} min and for one login. Tell it to nobody: we never ask for "
            "it.\n\nYou have not tried to log in? Then somebody knows your user name; he does "
            "not get in without the code.\n",
        .html =
            "<p>Hello {name},</p><p>your code for {issuer} is</p>"
            "<p style=\"font-size:2em;letter-spacing:.15em\"><strong>{code}</strong></p>"
            "<p>It is good for {minutes} min and for one login. Tell it to nobody: we never ask "
            "for it.</p><p>You have not tried to log in? Then somebody knows your user name; "
            "he does not get in without the code.</p>",
        .brief = "{issuer}: {spaced_code} is your login code",
    },
    BuiltinText{
        .language = "en",
        .kind = link,
        .subject = "{issuer}: is it you who wants to log in?",
        .text = "Hello {name},\n\nsomebody wants to log in to {issuer} as {user}\n\n"
                "    from    {address}\n    with    {device}\n    at      {time}\n\n"
                "If it is you, open this page and say yes:\n\n{link}\n\n"
                "If not, say no there, or do nothing. The page is good for {minutes} min.\n",
        .html = "<p>Hello {name},</p><p>somebody wants to log in to {issuer} as "
                "<strong>{user}</strong></p><table><tr><td>from</td><td>{address}</td></tr>"
                "<tr><td>with</td><td>{device}</td></tr><tr><td>at</td><td>{time}</td></tr>"
                "</table><p>If it is you, open this page and say yes:</p>"
                "<p><a href=\"{link}\">{link}</a></p>"
                "<p>If not, say no there, or do nothing. The page is good for {minutes} min.</p>",
        .brief = "{issuer}: log in from {address}? {link}",
    },
    BuiltinText{
        .language = "en",
        .kind = registration,
        .subject = "{issuer}: set up your second factor",
        .text = "Hello {name},\n\nopen this page to set up your second factor for {issuer}:\n\n"
                "{link}\n\nIt is good for {minutes} min, and once. If you have not asked for it, "
                "delete this message: nothing happens without the page.\n",
        .html = "<p>Hello {name},</p><p>open this page to set up your second factor for "
                "{issuer}:</p><p><a href=\"{link}\">{link}</a></p><p>It is good for {minutes} min, "
                "and once. If you have not asked for it, delete this message: nothing happens "
                "without the page.</p>",
        .brief = "{issuer}: set up your second factor: {link}",
    },
    BuiltinText{
        .language = "en",
        .kind = changed,
        .subject = "{issuer}: your second factor was changed",
        .text = "Hello {name},\n\n{what} at {time}, from {address}.\n\n"
                "Was it not you? Then tell those who run {issuer} at once.\n",
        .html = "<p>Hello {name},</p><p>{what} at {time}, from {address}.</p>"
                "<p>Was it not you? Then tell those who run {issuer} at once.</p>",
        .brief = "{issuer}: {what} at {time} from {address}. Not you? Tell us at once.",
    },
    BuiltinText{
        .language = "de",
        .kind = token,
        .subject = "{issuer}: Ihr Anmeldecode ist {code}",
        .text = "Guten Tag {name},\n\nIhr Code für {issuer} ist\n\n    {code}\n\n"
                "Er gilt {minutes} Min. und für eine Anmeldung. Sagen Sie ihn niemandem: wir "
                "fragen nie "
                "danach.\n\nSie wollten sich nicht anmelden? Dann kennt jemand Ihren "
                "Benutzernamen; ohne den Code kommt er nicht hinein.\n",
        .html =
            "<p>Guten Tag {name},</p><p>Ihr Code für {issuer} ist</p>"
            "<p style=\"font-size:2em;letter-spacing:.15em\"><strong>{code}</strong></p>"
            "<p>Er gilt {minutes} Min. und für eine Anmeldung. Sagen Sie ihn niemandem: wir fragen "
            "nie danach.</p><p>Sie wollten sich nicht anmelden? Dann kennt jemand Ihren "
            "Benutzernamen; ohne den Code kommt er nicht hinein.</p>",
        .brief = "{issuer}: {spaced_code} ist Ihr Anmeldecode",
    },
    BuiltinText{
        .language = "de",
        .kind = link,
        .subject = "{issuer}: Möchten Sie sich anmelden?",
        .text =
            "Guten Tag {name},\n\njemand möchte sich bei {issuer} als {user} anmelden\n\n"
            "    von     {address}\n    mit     {device}\n    um      {time}\n\n"
            "Wenn Sie es sind, öffnen Sie diese Seite und sagen Sie Ja:\n\n{link}\n\n"
            "Wenn nicht, sagen Sie dort Nein oder tun Sie nichts. Die Seite gilt {minutes} Min.\n",
        .html = "<p>Guten Tag {name},</p><p>jemand möchte sich bei {issuer} als "
                "<strong>{user}</strong> anmelden</p><table><tr><td>von</td><td>{address}</td></tr>"
                "<tr><td>mit</td><td>{device}</td></tr><tr><td>um</td><td>{time}</td></tr>"
                "</table><p>Wenn Sie es sind, öffnen Sie diese Seite und sagen Sie Ja:</p>"
                "<p><a href=\"{link}\">{link}</a></p><p>Wenn nicht, sagen Sie dort Nein oder tun "
                "Sie nichts. Die Seite gilt {minutes} Min.</p>",
        .brief = "{issuer}: Anmeldung von {address}? {link}",
    },
    BuiltinText{
        .language = "de",
        .kind = registration,
        .subject = "{issuer}: zweiten Faktor einrichten",
        .text =
            "Guten Tag {name},\n\nöffnen Sie diese Seite, um Ihren zweiten Faktor für {issuer} "
            "einzurichten:\n\n{link}\n\nSie gilt {minutes} Min. und ein Mal. Haben Sie nicht darum "
            "gebeten, dann löschen Sie diese Nachricht: ohne die Seite geschieht nichts.\n",
        .html = "<p>Guten Tag {name},</p><p>öffnen Sie diese Seite, um Ihren zweiten Faktor für "
                "{issuer} einzurichten:</p><p><a href=\"{link}\">{link}</a></p><p>Sie gilt "
                "{minutes} Min. und ein Mal. Haben Sie nicht darum gebeten, dann löschen Sie diese "
                "Nachricht: ohne die Seite geschieht nichts.</p>",
        .brief = "{issuer}: zweiten Faktor einrichten: {link}",
    },
    BuiltinText{
        .language = "de",
        .kind = changed,
        .subject = "{issuer}: Ihr zweiter Faktor wurde geändert",
        .text = "Guten Tag {name},\n\n{what} um {time}, von {address}.\n\n"
                "Waren Sie es nicht? Dann sagen Sie es sofort denen, die {issuer} betreiben.\n",
        .html = "<p>Guten Tag {name},</p><p>{what} um {time}, von {address}.</p><p>Waren Sie es "
                "nicht? Dann sagen Sie es sofort denen, die {issuer} betreiben.</p>",
        .brief = "{issuer}: {what} um {time} von {address}. Nicht Sie? Melden Sie sich sofort.",
    },
};

}  // namespace

std::span<const BuiltinText> builtin_texts() noexcept { return kTexts; }

std::string_view builtin_html_head() noexcept {
  return "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">"
         "<meta name=\"color-scheme\" content=\"light dark\"><title>{issuer}</title></head>"
         "<body style=\"font-family:system-ui,sans-serif;line-height:1.5;max-width:36em\">";
}
std::string_view builtin_html_foot() noexcept { return "</body></html>\n"; }

}  // namespace sallyport::verify
