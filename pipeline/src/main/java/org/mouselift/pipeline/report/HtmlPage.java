package org.mouselift.pipeline.report;

import java.util.Base64;
import java.util.List;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;

/** One HTML file that holds everything it shows: no scripts, no fonts or pictures from elsewhere. All text is escaped. */
final class HtmlPage {
    private static final String STYLE = """
            body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fafaf8;margin:0}
            main{max-width:1260px;margin:0 auto;padding:24px 28px 60px}
            h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:34px 0 10px;border-bottom:1px solid #ddd;padding-bottom:4px}
            p.sub{color:#666;margin:0 0 18px}
            .tiles{display:flex;flex-wrap:wrap;gap:12px}.tile{background:#fff;border:1px solid #e2e2de;border-radius:8px;padding:10px 16px;min-width:120px}
            .tile b{display:block;font-size:21px}.tile span{color:#666;font-size:13px}
            .good b{color:#1c7a3a}.fair b{color:#9a6b00}.bad b{color:#b3261e}
            .note{background:#fff7e0;border-left:4px solid #d9b310;padding:8px 14px;margin:14px 0}
            .verdict{display:inline-block;border-radius:6px;padding:6px 14px;color:#fff;font-weight:600;margin:6px 0 16px}
            .verdict.good{background:#1c7a3a}.verdict.bad{background:#b3261e}
            table{border-collapse:collapse;background:#fff;margin:8px 0;font-variant-numeric:tabular-nums}
            th,td{border:1px solid #e2e2de;padding:4px 12px;text-align:right}th:first-child,td:first-child{text-align:left}th{background:#f1f1ee;font-weight:600}
            img{max-width:100%;border:1px solid #e2e2de;background:#fff}
            li.problem{color:#b3261e}pre{background:#fff;border:1px solid #e2e2de;padding:12px;overflow:auto;font-size:13px}
            """;

    private final StringBuilder body = new StringBuilder();
    private final String title;

    HtmlPage(String title, String subtitle) {
        this.title = title;
        body.append("<h1>").append(escape(title)).append("</h1>\n<p class=\"sub\">").append(escape(subtitle)).append("</p>\n");
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }

    /** Kind of a tile or verdict: how it is coloured. */
    enum Kind { PLAIN, GOOD, FAIR, BAD }

    record Tile(String value, String name, Kind kind) {
        Tile(Object value, String name) {
            this(value.toString(), name, Kind.PLAIN);
        }
    }

    HtmlPage verdict(boolean good, String text) {
        body.append("<p class=\"verdict ").append(good ? "good" : "bad").append("\">").append(escape(text)).append("</p>\n");
        return this;
    }

    HtmlPage tiles(List<Tile> tiles) {
        body.append("<div class=\"tiles\">\n");
        tiles.forEach(t -> body.append("<div class=\"tile ").append(t.kind.name().toLowerCase(java.util.Locale.ROOT)).append("\"><b>").append(escape(t.value))
                .append("</b><span>").append(escape(t.name)).append("</span></div>\n"));
        body.append("</div>\n");
        return this;
    }

    HtmlPage heading(String text) {
        body.append("<h2>").append(escape(text)).append("</h2>\n");
        return this;
    }

    HtmlPage paragraph(String text) {
        body.append("<p>").append(escape(text)).append("</p>\n");
        return this;
    }

    HtmlPage note(String text) {
        body.append("<p class=\"note\">").append(escape(text)).append("</p>\n");
        return this;
    }

    HtmlPage list(List<String> problems, List<String> warnings) {
        body.append("<ul>\n");
        problems.forEach(p -> body.append("<li class=\"problem\">").append(escape(p)).append("</li>\n"));
        warnings.forEach(w -> body.append("<li>").append(escape(w)).append("</li>\n"));
        body.append("</ul>\n");
        return this;
    }

    HtmlPage table(List<String> head, List<List<String>> rows) {
        body.append("<table>\n<tr>");
        head.forEach(h -> body.append("<th>").append(escape(h)).append("</th>"));
        body.append("</tr>\n");
        for (List<String> row : rows) {
            body.append("<tr>");
            row.forEach(c -> body.append("<td>").append(escape(c)).append("</td>"));
            body.append("</tr>\n");
        }
        body.append("</table>\n");
        return this;
    }

    HtmlPage picture(Image8 image, String description) {
        body.append("<img alt=\"").append(escape(description)).append("\" src=\"data:image/png;base64,")
                .append(Base64.getEncoder().encodeToString(PngWriter.encode(image))).append("\">\n");
        return this;
    }

    /** Text as it is, folded away behind its name. */
    HtmlPage details(String name, String text) {
        body.append("<details><summary>").append(escape(name)).append("</summary><pre>").append(escape(text)).append("</pre></details>\n");
        return this;
    }

    String text() {
        return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                + "style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>" + escape(title) + "</title>\n<style>\n" + STYLE
                + "</style>\n</head>\n<body>\n<main>\n" + body + "</main>\n</body>\n</html>\n";
    }
}
