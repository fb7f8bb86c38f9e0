package org.mouselift.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageLimits;
import org.mouselift.data.image.Images;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.ply.SplatPly;
import org.mouselift.pipeline.web.ViewerPage;

/**
 * Opens a viewer page from disk in a real headless Chromium (driven through chromedriver's own protocol) and looks at the
 * picture: the ball above must be above, the one on the right on the right, the near one in front. Slow, because the
 * browser draws in software.
 */
@Tag("slow")
class ViewerInBrowserTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SIDE = 500;

    @TempDir
    Path folder;

    private final HttpClient http = HttpClient.newHttpClient();

    @Test
    void theMouseStandsUprightAndFacesTheCamera() throws Exception {
        Path driver = program("chromedriver");
        Path browser = program("chromium");
        Path ply = folder.resolve("balls.ply");
        // Blue above, red on the right (+x), green towards the camera (−y) and hiding a black one behind it.
        balls(ply);
        Path page = folder.resolve("viewer.html");
        ViewerPage.write(page, ply, ViewerPage.Scene.of("balls"));

        int port;
        try (ServerSocket socket = new ServerSocket(0)) {
            port = socket.getLocalPort();
        }
        Process process = new ProcessBuilder(driver.toString(), "--port=" + port).redirectErrorStream(true)
                .redirectOutput(folder.resolve("driver.log").toFile()).start();
        try {
            String root = "http://127.0.0.1:" + port;
            waitFor(root);
            String session = root + "/session/" + start(root, browser);
            try {
                post(session + "/url", JSON.createObjectNode().put("url", page.toUri() + "?webgl&noanim&nofx&noui"));
                Image8 picture = pictureOnceDrawn(session);
                assertColour("above", 0x0000ff, picture, SIDE / 2, SIDE / 2 - 140);
                assertColour("right", 0xff0000, picture, SIDE / 2 + 140, SIDE / 2);
                assertColour("centre", 0x00ff00, picture, SIDE / 2, SIDE / 2);
                assertColour("corner", 0xffffff, picture, 5, 5);
            } finally {
                send(HttpRequest.newBuilder(URI.create(session)).DELETE());
            }
        } finally {
            process.destroy();
            process.waitFor();
        }
    }

    private static Path program(String name) {
        var found = Stream.of(System.getenv("PATH").split(":")).map(folder -> Path.of(folder, name)).filter(Files::isExecutable).findFirst();
        assumeTrue(found.isPresent(), "SKIPPED: no " + name + " on PATH (Debian: chromium and chromium-driver)");
        return found.orElseThrow();
    }

    private static void balls(Path ply) throws IOException {
        float[][] centres = {{0, 0, 0.7f}, {0.7f, 0, 0}, {0, -0.5f, 0}, {0, 0.5f, 0}};
        int[] colours = {0x0000ff, 0xff0000, 0x00ff00, 0x000000};
        int n = centres.length;
        float[] xyz = new float[3 * n];
        float[] features = new float[3 * n];
        float[] scaling = new float[3 * n];
        float[] rotation = new float[4 * n];
        float[] opacity = new float[n];
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < 3; c++) {
                xyz[3 * i + c] = centres[i][c];
                features[3 * i + c] = (float) (((colours[i] >> 16 - 8 * c & 255) / 255.0 - 0.5) / 0.28209479177387814);
                scaling[3 * i + c] = (float) Math.log(0.1);
            }
            rotation[4 * i] = 1;
            opacity[i] = 8;
        }
        SplatPly.write(ply, new GaussianCloud(n, 0, xyz, features, scaling, rotation, opacity), SplatPly.Padding.VIEWER);
    }

    private String start(String root, Path browser) throws Exception {
        ObjectNode options = JSON.createObjectNode();
        ObjectNode chrome = options.putObject("capabilities").putObject("alwaysMatch").putObject("goog:chromeOptions");
        chrome.put("binary", browser.toString());
        for (String argument : List.of("--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                "--force-device-scale-factor=1", "--user-data-dir=" + folder.resolve("profile"))) {
            chrome.withArray("args").add(argument);
        }
        String session = post(root + "/session", options).at("/value/sessionId").asText();
        // The window includes what is around the page: ask for more until the page itself has the right size.
        for (int extra = 0, height = 0; height != SIDE && extra < 400; extra += Math.max(1, SIDE - height)) {
            post(root + "/session/" + session + "/window/rect", JSON.createObjectNode().put("width", SIDE).put("height", SIDE + extra));
            height = script(root + "/session/" + session, "return window.innerHeight").asInt();
        }
        assertEquals(SIDE, script(root + "/session/" + session, "return window.innerWidth").asInt());
        return session;
    }

    /** A screenshot in which something else than the background stands in the middle. */
    private Image8 pictureOnceDrawn(String session) throws Exception {
        Image8 picture = null;
        for (int i = 0; i < 60; i++) {
            Thread.sleep(1000);
            byte[] png = Base64.getDecoder().decode(get(session + "/screenshot").get("value").asText());
            picture = ((Image8) Images.decode("screenshot", png, ImageLimits.DEFAULT)).toRgb();
            if (picture.get(SIDE / 2, SIDE / 2, 0) < 60 && picture.get(SIDE / 2, SIDE / 2, 1) > 200) {
                Thread.sleep(1000);
                return picture;
            }
        }
        return picture;
    }

    private static void assertColour(String place, int expected, Image8 picture, int x, int y) {
        for (int c = 0; c < 3; c++) {
            assertEquals(expected >> 16 - 8 * c & 255, picture.get(x, y, c), 40, place + ", channel " + c + " at (" + x + ", " + y + ")");
        }
    }

    private JsonNode script(String session, String script) throws Exception {
        ObjectNode body = JSON.createObjectNode().put("script", script);
        body.putArray("args");
        return post(session + "/execute/sync", body).get("value");
    }

    private void waitFor(String root) throws Exception {
        for (int i = 0; i < 100; i++) {
            try {
                if (get(root + "/status").at("/value/ready").asBoolean()) {
                    return;
                }
            } catch (IOException notYet) {
                Thread.sleep(100);
            }
        }
        throw new AssertionError("chromedriver did not start: " + Files.readString(folder.resolve("driver.log")));
    }

    private JsonNode get(String url) throws Exception {
        return send(HttpRequest.newBuilder(URI.create(url)).GET());
    }

    private JsonNode post(String url, ObjectNode body) throws Exception {
        return send(HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.ofString(body.toString())));
    }

    private JsonNode send(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response = http.send(request.timeout(Duration.ofSeconds(60)).build(), HttpResponse.BodyHandlers.ofString());
        assertTrue(response.statusCode() == 200, response.uri() + ": " + response.body());
        return JSON.readTree(response.body());
    }
}
