package org.mouselift.pipeline.web;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.pipeline.web.ViewerPage.Scene;
import org.mouselift.pipeline.web.ViewerPage.UpAxis;

class ViewerPageTest {
    @TempDir
    Path folder;

    private String page(String fileName, byte[] splats, Scene scene) throws IOException {
        Path file = folder.resolve(fileName);
        Files.write(file, splats);
        ViewerPage.write(folder.resolve("viewer.html"), file, scene);
        return Files.readString(folder.resolve("viewer.html"));
    }

    private static JsonNode bootstrap(String html) throws IOException {
        String open = "<script type=\"application/json\" id=\"sse-bootstrap\">";
        int begin = html.indexOf(open) + open.length();
        return new ObjectMapper().readTree(html.substring(begin, html.indexOf("</script>", begin)));
    }

    @Test
    void holdsTheSplatsByteForByte() throws IOException {
        for (int size : new int[] {1, 2, 3, 100_001}) {
            byte[] splats = new byte[size];
            new Random(size).nextBytes(splats);
            JsonNode bootstrap = bootstrap(page("mouse.ply", splats, Scene.of("A mouse")));
            String url = bootstrap.get("contentUrl").asText();
            String head = "data:application/octet-stream;base64,";
            assertTrue(url.startsWith(head));
            assertArrayEquals(splats, Base64.getDecoder().decode(url.substring(head.length())));
            assertEquals("mouse.ply", bootstrap.get("contentFilename").asText());
        }
    }

    @Test
    void needsNoOtherFileAndForbidsTheNetwork() throws IOException {
        String html = page("mouse.ply", new byte[] {1}, Scene.of("A mouse"));
        assertFalse(Pattern.compile("<link[^>]+href=|<script[^>]+src=|<base\\b").matcher(html).find());
        assertFalse(html.contains("from './index.js'"));
        assertTrue(html.contains("connect-src data: blob:;"));
        assertTrue(html.contains("Permission is hereby granted"), "the licence text must travel with the program");
    }

    @Test
    void namesOfTheCallerCannotBecomeMarkup() throws IOException {
        String html = page("a<!--<script>.ply", new byte[] {1}, Scene.of("</title><script>alert(1)</script>"));
        assertFalse(html.contains("<script>alert"));
        assertEquals("a<!--<script>.ply", bootstrap(html).get("contentFilename").asText());
    }

    @Test
    void cameraBackgroundAndUpAxisAreTheScenes() throws IOException {
        Scene scene = new Scene("s", UpAxis.Y_UP, 1.5, 35, new float[] {0, 0.5f, 1});
        String html = page("mouse.ply", new byte[] {1}, scene);
        JsonNode settings = bootstrap(html).get("settings");
        assertEquals(1.5, settings.at("/cameras/0/initial/position/2").asDouble());
        assertEquals(35, settings.at("/cameras/0/initial/fov").asDouble());
        assertEquals(0.5, settings.at("/background/color/1").asDouble());
        assertTrue(html.contains("entity.setLocalEulerAngles(0, 0, 0);"));
        assertTrue(html.contains("cameraEntity.camera.horizontalFov = graphicsDevice.width < graphicsDevice.height;"), "the shorter side has the field of view");
        assertTrue(page("mouse.ply", new byte[] {1}, Scene.of("s")).contains("entity.setLocalEulerAngles(-90, 0, 0);"));
    }

    @Test
    void anEmptySplatFileIsRefusedAndNothingIsWritten() throws IOException {
        Path empty = Files.createFile(folder.resolve("empty.ply"));
        ViewerPageException refused = assertThrows(ViewerPageException.class,
                () -> ViewerPage.write(folder.resolve("viewer.html"), empty, Scene.of("s")));
        assertTrue(refused.getMessage().contains("empty.ply"));
        assertFalse(Files.exists(folder.resolve("viewer.html")));
    }

    @Test
    void sceneArgumentsAreChecked() {
        assertThrows(IllegalArgumentException.class, () -> new Scene("s", UpAxis.Z_UP, 0, 50, new float[3]));
        assertThrows(IllegalArgumentException.class, () -> new Scene("s", UpAxis.Z_UP, 1, 0, new float[3]));
        assertThrows(IllegalArgumentException.class, () -> new Scene("s", UpAxis.Z_UP, 1, 50, new float[4]));
    }
}
