package org.mouselift.pipeline.web;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Locale;
import org.mouselift.data.AtomicFile;

/**
 * A page that shows Gaussian splats in any browser: one file with viewer, settings and splats, opened from disk without
 * installation and without network. The viewer is SuperSplat Viewer (MIT), unmodified except that the rotation it gives
 * every splat file (it expects y down) is replaced by the one the file's up axis asks for, and that its field of view is that
 * of the window's shorter side, so that a wide window does not cut the subject off. A content security policy forbids every
 * connection to the outside.
 */
public final class ViewerPage {
    /** A page keeps its splats as base64 text, which browsers hold as one string of at most about half a GiB. */
    public static final long MAX_SPLAT_BYTES = 256L << 20;

    private static final String POLICY = "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; "
            + "style-src 'unsafe-inline'; img-src data: blob:; connect-src data: blob:; worker-src blob:; media-src data: blob:; "
            + "font-src data:; base-uri 'none'; form-action 'none'";
    private static final String PLACED = "entity.setLocalEulerAngles(0, 0, 180);";
    private static final String WIDE = "cameraEntity.camera.horizontalFov = graphicsDevice.width > graphicsDevice.height;";
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Which direction of a splat file points up, and the Euler angles (degrees) that turn it to the viewer's y up. */
    public enum UpAxis {
        /** Mouselift and FaceLift: z up, the subject looks along −y. */
        Z_UP("-90, 0, 0"),
        /** glTF and most modelling tools: the subject looks along +z. */
        Y_UP("0, 0, 0"),
        /** Scenes of the original 3D Gaussian splatting, in COLMAP's camera axes. */
        Y_DOWN("0, 0, 180");

        private final String rotation;

        UpAxis(String rotation) {
            this.rotation = rotation;
        }
    }

    /**
     * How a scene is shown first.
     *
     * @param title of the browser tab
     * @param upAxis of the splat file
     * @param distance of the camera from the origin, in front of the subject, world units
     * @param fieldOfView across the shorter side of the window, degrees
     * @param background red, green, blue in [0,1]
     */
    public record Scene(String title, UpAxis upAxis, double distance, double fieldOfView, float[] background) {
        public Scene {
            if (!(distance > 0 && Double.isFinite(distance))) {
                throw new IllegalArgumentException("viewer camera distance " + distance + ": expected a positive number (world units)");
            }
            if (!(fieldOfView >= 1 && fieldOfView <= 170)) {
                throw new IllegalArgumentException("viewer field of view " + fieldOfView + ": expected 1 to 170 degrees");
            }
            if (background.length != 3) {
                throw new IllegalArgumentException("viewer background has " + background.length + " numbers, expected red, green, blue");
            }
            background = background.clone();
        }

        /** A z-up subject at the origin on white, seen from the training cameras' distance and field of view. */
        public static Scene of(String title) {
            return new Scene(title, UpAxis.Z_UP, 2.7, 50, new float[] {1, 1, 1});
        }
    }

    private ViewerPage() {}

    /**
     * Writes the page that shows a splat file.
     *
     * @param page the HTML file to write
     * @param splats a PLY, compressed PLY, .splat, SPZ or SOG file of at most {@link #MAX_SPLAT_BYTES} bytes; its name's
     *     extension tells the viewer the format
     * @throws ViewerPageException if the splat file is empty or too large for one page
     */
    public static void write(Path page, Path splats, Scene scene) throws IOException {
        long size = Files.size(splats);
        if (size == 0 || size > MAX_SPLAT_BYTES) {
            throw new ViewerPageException(splats, size, MAX_SPLAT_BYTES);
        }
        String html = shell(scene);
        // The bootstrap is put in last: it is the only part that holds text of the caller.
        String marker = blockOf(html);
        int at = html.indexOf(marker);
        String[] bootstrap = bootstrap(splats.getFileName().toString(), scene);
        AtomicFile.write(page, channel -> {
            // The channel belongs to the caller, so nothing here closes it.
            try (OutputStream out = new Unclosed(new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16))) {
                text(out, html.substring(0, at));
                text(out, "<script type=\"application/json\" id=\"sse-bootstrap\">" + bootstrap[0]);
                try (InputStream in = Files.newInputStream(splats); OutputStream base64 = Base64.getEncoder().wrap(new Unclosed(out))) {
                    in.transferTo(base64);
                }
                text(out, bootstrap[1] + "</script>");
                text(out, html.substring(at + marker.length()));
            }
        });
    }

    /** The page with stylesheet and program inlined and the splats still missing. */
    private static String shell(Scene scene) throws IOException {
        String css = resource("index.css");
        String js = resource("index.js");
        String html = resource("index.html");
        int map = js.lastIndexOf("\n//# sourceMappingURL=");
        js = replaceOnce(map < 0 ? js : js.substring(0, map + 1), PLACED, "entity.setLocalEulerAngles(" + scene.upAxis.rotation + ");");
        js = replaceOnce(js, WIDE, WIDE.replace('>', '<'));
        for (String markup : new String[] {"</script", "<script", "<!--"}) {
            if (js.toLowerCase(Locale.ROOT).contains(markup)) {
                throw new IllegalStateException("the viewer program contains " + markup + " and cannot stand inside a page");
            }
        }
        html = replaceOnce(html, "<title>SuperSplat Viewer</title>", "<title>" + escape(scene.title) + "</title>\n        "
                + "<meta http-equiv=\"Content-Security-Policy\" content=\"" + POLICY + "\" />");
        html = replaceOnce(html, "<base href=\"\" />", "<!--\nViewer: SuperSplat Viewer 1.36.2\n" + resource("LICENSE") + "-->");
        html = replaceOnce(html, "<link rel=\"stylesheet\" href=\"./index.css\" />", "<style>\n" + css + "\n        </style>");
        return replaceOnce(html, "import { createViewer } from './index.js';", js);
    }

    /** The settings as JSON, in the two halves before and after the base64 text of the splats. */
    private static String[] bootstrap(String fileName, Scene scene) throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.put("contentFilename", fileName);
        ObjectNode settings = root.putObject("settings");
        settings.put("version", 2).put("tonemapping", "none").put("highPrecisionRendering", false);
        ArrayNode colour = settings.putObject("background").putArray("color");
        for (float channel : scene.background) {
            colour.add(channel);
        }
        ObjectNode effects = settings.putObject("postEffectSettings");
        effects.putObject("sharpness").put("enabled", false).put("amount", 0);
        effects.putObject("bloom").put("enabled", false).put("intensity", 1).put("blurLevel", 2);
        effects.putObject("grading").put("enabled", false).put("brightness", 1).put("contrast", 1).put("saturation", 1)
                .putArray("tint").add(1).add(1).add(1);
        effects.putObject("vignette").put("enabled", false).put("intensity", 0.5).put("inner", 0.3).put("outer", 0.75).put("curvature", 1);
        effects.putObject("fringing").put("enabled", false).put("intensity", 0.5);
        settings.putArray("animTracks");
        ObjectNode initial = settings.putArray("cameras").addObject().putObject("initial");
        initial.putArray("position").add(0).add(0).add(scene.distance);
        initial.putArray("target").add(0).add(0).add(0);
        initial.put("fov", scene.fieldOfView);
        settings.putArray("annotations");
        settings.put("startMode", "default");
        // A "<" could end the block early; JSON may write it as an escape.
        String json = JSON.writeValueAsString(root).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029");
        return new String[] {
            json.substring(0, json.length() - 1) + ",\"contentUrl\":\"data:application/octet-stream;base64,", "\"}"};
    }

    private static String blockOf(String html) {
        int begin = html.indexOf("<script type=\"application/json\" id=\"sse-bootstrap\">");
        int end = html.indexOf("</script>", begin);
        if (begin < 0 || end < 0) {
            throw new IllegalStateException("the viewer page has no bootstrap block");
        }
        return html.substring(begin, end + "</script>".length());
    }

    private static String replaceOnce(String text, String old, String replacement) {
        int at = text.indexOf(old);
        if (at < 0 || text.indexOf(old, at + 1) >= 0) {
            throw new IllegalStateException("the viewer is another version: expected exactly once: " + old);
        }
        return text.substring(0, at) + replacement + text.substring(at + old.length());
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private static void text(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = ViewerPage.class.getResourceAsStream("viewer/" + name)) {
            if (in == null) {
                throw new IllegalStateException("the program's jar lacks viewer/" + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Flushes instead of closing what it writes to. */
    private static final class Unclosed extends FilterOutputStream {
        Unclosed(OutputStream out) {
            super(out);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
        }

        @Override
        public void close() throws IOException {
            flush();
        }
    }
}
