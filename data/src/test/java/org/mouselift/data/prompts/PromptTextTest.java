package org.mouselift.data.prompts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.SlotAssignment;

/** Sentences of all styles, character by character as mouse specification §5.2 writes them, and names by angles (§5.3). */
class PromptTextTest {
    private static final List<String> H = List.of("front", "front_right", "right", "back", "left", "front_left");
    private static final List<String> M = List.of("top-front", "top-front-right", "top-right", "top-back", "top-left", "top-front-left");
    private static final List<String> D = List.of("front", "front-right", "right", "back", "left", "front-left");

    @TempDir
    Path folder;

    private static PromptText text(String style) {
        PromptStyle s = PromptStyles.builtIn().style(style);
        return PromptText.of(s, RigCatalog.named(s.rig()), PromptText.Options.STANDARD);
    }

    private static PromptText text(String style, String rig) {
        return PromptText.of(PromptStyles.builtIn().style(style), RigCatalog.named(rig), PromptText.Options.STANDARD);
    }

    private static void check(PromptText text, List<String> views, String colour, String normal) {
        assertEquals(views, text.slots().stream().map(PromptSlot::name).toList());
        assertEquals(views.stream().map(v -> colour.replace("{v}", v)).toList(), text.colour());
        assertEquals(normal == null ? List.of() : views.stream().map(v -> normal.replace("{v}", v)).toList(), text.normal());
    }

    @Test
    void theSentencesOfAllStyles() {
        check(text("facelift"), H, "a rendering image of 3D models, {v} view, color map.", "a rendering image of 3D models, {v} view, normal map.");
        check(text("mouse_elevated"), M, "a rendering image of a 3D model, {v} view, from above at an angle, color map.",
                "a rendering image of a 3D model, {v} view, from above at an angle, normal map.");
        check(text("mouse_elevated", "human6"), H, "a rendering image of a 3D model, {v} view, from the side, color map.",
                "a rendering image of a 3D model, {v} view, from the side, normal map.");
        check(text("realistic"), D, "a photograph of a mouse, {v} view, from above at an angle.", "a depth image of a mouse, {v} view, from above at an angle.");
        check(text("real"), M, "a photograph of a real mouse, {v} view, from above at an angle.", null);
        check(text("hybrid"), D, "a multi-view image of a mouse, {v} view, elevated camera.", "a normal map of a mouse, {v} view, elevated camera.");
        check(text("simple"), D, "a mouse, {v} view, top-down angle.", "a mouse depth map, {v} view, top-down angle.");
        check(text("minimal"), M, "{v} view", null);
        check(text("minimal", "human6"), H, "{v} view", null);
        check(text("topdown"), List.of("top-front", "top-right", "top-back", "top-left"), "a rendering image of a 3D model, {v} view, from above looking down, color map.",
                "a rendering image of a 3D model, {v} view, from above looking down, normal map.");
        assertEquals(List.of("a rendering image of a 3D model, upper-front view, elevation 20 degrees, azimuth 0 degrees, color map.",
                "a rendering image of a 3D model, upper-front-right view, elevation 20 degrees, azimuth 45 degrees, color map."), text("with_angles").colour().subList(0, 2));
        assertEquals("a rendering image of a 3D model, upper-front-left view, elevation 20 degrees, azimuth 315 degrees, normal map.", text("with_angles").normal().get(5));
        assertEquals(9, PromptStyles.builtIn().all().size());
    }

    @Test
    void everyStylesOwnListIsWhatItsRigGives() {
        for (PromptStyle style : PromptStyles.builtIn().all()) {
            if (!style.wording().views().isEmpty()) {
                assertEquals(style.wording().views(), text(style.id()).slots().stream().map(PromptSlot::name).toList(), style.id());
            }
        }
    }

    @Test
    void theElevationChoosesBetweenAboveAndTheSide() {
        PromptStyle style = PromptStyles.builtIn().style("mouse_elevated");
        for (double elevation : new double[] {5, 10, 20}) {
            PromptText text = PromptText.of(style, RigCatalog.human6(), new PromptText.Options(OptionalInt.empty(), OptionalDouble.of(elevation), false));
            assertEquals(elevation > 10, text.colour().get(2).contains("top-right view, from above at an angle"), text.colour().toString());
            assertEquals(elevation <= 10, text.colour().get(2).contains("right view, from the side"), text.colour().toString());
            assertEquals(elevation, text.slots().get(3).elevation());
        }
    }

    @Test
    void aRealRigGetsTheNamesOfItsOwnDirections() {
        PromptStyle style = PromptStyles.builtIn().style("mouse_elevated");
        CameraRig mouse = RigCatalog.named("mouse6");
        PromptText.Options front = new PromptText.Options(OptionalInt.of(0), OptionalDouble.empty(), false);
        assertEquals(List.of("top-front", "top-back", "top-back-right", "top-back-left", "top-right", "top-left"),
                PromptText.of(style, mouse, front).slots().stream().map(PromptSlot::name).toList(), "clockwise offsets 0, 179, 126.9, 224.3, 69, 277.1 (§4.5)");
        PromptText angular = PromptText.of(style, SlotAssignment.angular(mouse, 0).apply(mouse), front);
        assertEquals(List.of("top-front", "top-right", "top-back-right", "top-back", "top-back-left", "top-left"), angular.slots().stream().map(PromptSlot::name).toList());
        assertEquals(26.5, angular.slots().get(1).elevation(), 1e-6);
        PromptText words = PromptText.of(style, mouse, new PromptText.Options(OptionalInt.empty(), OptionalDouble.empty(), true));
        assertEquals(M, words.slots().stream().map(PromptSlot::name).toList());
        PromptTextException e = assertThrows(PromptTextException.class, () -> PromptText.of(style, RigCatalog.named("lgm4"), new PromptText.Options(OptionalInt.empty(), OptionalDouble.of(20), true)));
        assertTrue(e.getMessage().contains("6 views of its own") && e.getMessage().contains("lgm4 has 4 cameras"), e.getMessage());
    }

    @Test
    void anyNumberOfViews() {
        assertEquals(List.of("front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left"),
                text("realistic", "ring:n=8,elev=0,start=270,sense=cw").slots().stream().map(PromptSlot::name).toList());
        List<String> sixteen = text("realistic", "ring:n=16,elev=0,start=270,sense=cw").colour();
        assertEquals(16, sixteen.stream().distinct().count());
        assertTrue(sixteen.get(1).contains("front-22 view") || sixteen.get(1).contains("front-23 view"), sixteen.get(1));
        PromptTextException e = assertThrows(PromptTextException.class, () -> text("minimal", "ring:n=1000,elev=20"));
        assertTrue(e.getMessage().contains("the same sentence") && e.getMessage().contains("with_angles"), e.getMessage());
    }

    @Test
    void namesByAngles() {
        List<String> expected = List.of("front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left", "front");
        double[] edges = {0, 30, 60, 120, 150, 210, 240, 300, 330};
        for (int i = 0; i < edges.length; i++) {
            assertEquals(expected.get(i), ViewName.direction(edges[i]));
            assertEquals(i == 0 ? "front" : expected.get(i - 1), ViewName.direction(edges[i] - 1e-9), "just below " + edges[i]);
        }
        assertEquals("", ViewName.height(ViewName.Height.BY_ELEVATION, 10));
        assertEquals("upper", ViewName.height(ViewName.Height.BY_ELEVATION, 10.1));
        assertEquals("upper", ViewName.height(ViewName.Height.BY_ELEVATION, 30));
        assertEquals("top", ViewName.height(ViewName.Height.BY_ELEVATION, 30.1));
        IntStream.range(0, 8).forEach(i -> assertEquals(45.0 * i, ViewName.azimuth("top-" + expected.get(i)).orElseThrow()));
        assertEquals(315.0, ViewName.azimuth("front_left").orElseThrow());
        assertTrue(ViewName.azimuth("above").isEmpty());
    }

    @Property(tries = 200)
    void aNameIsNearItsDirection(@ForAll @DoubleRange(min = -720, max = 720) double azimuth) {
        double middle = ViewName.azimuth(ViewName.of(ViewName.Height.TOP, "_", Map.of(), 0, azimuth)).orElseThrow();
        double off = Math.abs((azimuth - middle) % 360);
        assertTrue(Math.min(off, 360 - off) <= 30 + 1e-9, azimuth + " is called " + middle);
    }

    @Test
    void stylesOfAUser() throws IOException {
        Path file = Files.writeString(folder.resolve("styles.json"), """
                {"styles": [{"id": "ratte", "rig": "lgm4", "height": "top", "separator": " ", "words": {"top": "oben", "front": "vorn", "right": "rechts", "back": "hinten",
                  "left": "links"}, "colour": "eine Ratte, {view}, {elevation} Grad."}]}""");
        PromptStyles all = PromptStyles.builtIn().with(file);
        assertEquals(List.of("eine Ratte, oben links, 0 Grad.", "eine Ratte, oben hinten, 0 Grad.", "eine Ratte, oben rechts, 0 Grad.", "eine Ratte, oben vorn, 0 Grad."),
                PromptText.of(all.style("ratte"), RigCatalog.named("lgm4"), PromptText.Options.STANDARD).colour());
        refused("{\"styles\": [{\"id\": \"facelift\", \"colour\": \"x\"}]}", "\"facelift\", which exists already");
        refused("{\"styles\": [{\"id\": \"a\"}]}", "has no \"colour\"");
        refused("{\"styles\": [{\"id\": \"a\", \"colour\": \"{side} view\"}]}", "the gap {side}");
        refused("{\"styles\": [{\"id\": \"a\", \"color\": \"x\"}]}", "unknown key \"color\"");
        refused("{\"styles\": [{\"id\": \"a b\", \"colour\": \"x\"}]}", "\"a b\"");
        refused("{\"styles\": [{\"id\": \"a\", \"colour\": \"x\", \"height\": \"high\"}]}", "none, top or by_elevation");
        refused("{\"style\": []}", "no list \"styles\"");
        refused("{\"styles\": [", "not valid JSON");
        assertTrue(assertThrows(PromptTextException.class, () -> all.style("mouse")).getMessage().contains("mouse_elevated"));
    }

    private void refused(String json, String message) throws IOException {
        Path file = Files.writeString(folder.resolve("bad.json"), json);
        PromptTextException e = assertThrows(PromptTextException.class, () -> PromptStyles.builtIn().with(file));
        assertTrue(e.getMessage().contains(message) && e.getMessage().contains("bad.json"), e.getMessage());
    }

    @Test
    void metadataComesBackAsItWasWritten() throws IOException {
        PromptMetadata m = PromptMetadata.of(text("mouse_elevated"), List.of(6L, 77L, 1024L), new PromptMetadata.Encoder("e", 1024, "ab", "cd"), "12", "34", "a command");
        assertEquals(m, PromptMetadata.parse(m.toJson()));
        assertTrue(m.toJson().contains("\"legacy_azimuths\""), m.toJson());
        PromptMetadata learned = PromptMetadata.learned("human6", m.slots(), List.of(6L, 4L, 8L), "56", "training");
        assertEquals(learned, PromptMetadata.parse(learned.toJson()));
        for (String bad : List.of("[]", "{\"slots\": 3}", "{\"slots\": [{\"azimuth\": \"x\", \"elevation\": 1}]}", "{\"color_prompts\": [1]}", "{\"shape\": [1.5]}", "{", "{\"model\": 7}")) {
            assertThrows(IOException.class, () -> PromptMetadata.parse(bad), bad);
        }
    }

    @Test
    void metadataOfTheOriginalGivesDirectionsByTheirNames() throws IOException {
        PromptMetadata m = PromptMetadata.parse("""
                {"mode": "text_only", "preset": "mouse", "views": ["top-front", "top-front-right", "top-back"], "azimuths": [0, 60, 90], "shape": [3, 77, 768],
                 "color_prompts": ["a", "b", "c"], "model": "some encoder"}""");
        assertEquals(0, m.schema());
        assertEquals(List.of(new PromptSlot("top-front", 270, 20, 0), new PromptSlot("top-front-right", 225, 20, 0), new PromptSlot("top-back", 90, 20, 0)), m.slots());
        assertEquals(List.of(5.0, 7.0), PromptMetadata.parse("{\"views\": [\"left\", \"back\"], \"elevations\": [5, 7]}").slots().stream().map(PromptSlot::elevation).toList());
        assertTrue(PromptMetadata.parse("{\"views\": [\"left\", \"somewhere\"], \"elevation\": 5}").slots().isEmpty());
        assertTrue(PromptMetadata.builtIn("00").isEmpty());
    }
}
