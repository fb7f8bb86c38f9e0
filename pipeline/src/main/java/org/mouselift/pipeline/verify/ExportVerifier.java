package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.mouselift.data.golden.Comparison;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.ply.GaussianFilter;
import org.mouselift.data.ply.PlyException;
import org.mouselift.data.ply.PlyVertices;
import org.mouselift.data.ply.PointObj;
import org.mouselift.data.ply.SplatPly;

/** PLY writing and reading, Gaussian filters and the OBJ point list. */
public final class ExportVerifier implements CaseVerifier {
    private static final Pattern ARGUMENTS = Pattern.compile("arguments (\\{.*\\})");
    private static final Pattern SHRINK = Pattern.compile("shrink_bbx\\(([0-9.]+)\\)");
    private static final Pattern FLOAT_PROPERTY = Pattern.compile("property float (\\w+)");

    private static final List<String> ORDINALS = List.of("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth");
    private static final Pattern EVERY = Pattern.compile("every (" + String.join("|", ORDINALS) + ") ");

    private enum Layout { WRITE, LOAD, FILTERS, PLY_FILE, MUST_FAIL, OPTIONAL, OBJ, NONE }

    private static Layout layout(GoldenFolder folder, String file) throws GoldenException {
        String kind = folder.kind(file);
        if (kind.equals("case")) {
            if (folder.declares(file, "columns_float") && folder.declares(file, "columns_rgb")) {
                return Layout.WRITE;
            }
            if (folder.entry(file).has("ply") && folder.declares(file, "features_dc")) {
                return Layout.LOAD;
            }
            boolean filters = folder.declares(file, "scaling") && folder.entry(file).path("tensors").properties().stream().anyMatch(t -> t.getKey().startsWith("kept."));
            return filters ? Layout.FILTERS : Layout.NONE;
        }
        return switch (kind) {
            case "ply" -> Layout.PLY_FILE;
            case "ply_optional" -> Layout.OPTIONAL;
            case "must_fail" -> file.endsWith(".ply") ? Layout.MUST_FAIL : Layout.NONE;
            case "obj" -> Layout.OBJ;
            default -> Layout.NONE;
        };
    }

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return layout(folder, file) != Layout.NONE;
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        return switch (layout(c.folder(), c.file())) {
            case WRITE -> write(c);
            case LOAD -> load(c);
            case FILTERS -> filters(c);
            case PLY_FILE -> plyFile(c);
            case OBJ -> obj(c);
            case MUST_FAIL -> {
                try {
                    GaussianCloud cloud = SplatPly.read(c.path());
                    yield List.of(CheckResult.fail("refused", "was accepted with " + cloud.count() + " Gaussians"));
                } catch (PlyException e) {
                    yield List.of(CheckResult.pass("refused", e.getMessage()));
                }
            }
            case OPTIONAL -> {
                try {
                    yield List.of(CheckResult.pass("read", SplatPly.read(c.path()).count() + " Gaussians"));
                } catch (PlyException e) {
                    yield List.of(CheckResult.pass("refused with a message", e.getMessage()));
                }
            }
            case NONE -> List.of();
        };
    }

    private static GaussianCloud model(GoldenCase c) throws IOException {
        long[] shape = c.shape("features");
        return new GaussianCloud((int) shape[0], (int) Math.round(Math.sqrt(shape[1])) - 1, c.floats("xyz"), c.floats("features"), c.floats("scaling"),
                c.floats("rotation"), c.floats("opacity"));
    }

    private static List<CheckResult> write(GoldenCase c) throws IOException {
        GaussianCloud cloud = model(c);
        if (c.entry().has("scaling_modifier")) {
            cloud = cloud.withScalingModifier((float) c.entry().get("scaling_modifier").asDouble());
        }
        JsonNode mask = c.entry().path("arguments").path("filter_mask");
        if (!mask.isMissingNode()) {
            cloud = cloud.select(masked(c, mask.asText(), cloud.count()));
        }
        // Padded files of degree 1 and 2 are the original's broken layout; for 0 and 3 there is no difference.
        boolean padded = c.entry().path("arguments").path("enable_gs_viewer").asBoolean(true);
        SplatPly.Padding padding = padded ? SplatPly.Padding.ORIGINAL : SplatPly.Padding.NONE;
        List<CheckResult> checks = new ArrayList<>();
        Path folder = Files.createTempDirectory("mouselift-verify");
        Path written = folder.resolve("written.ply");
        try {
            SplatPly.write(written, cloud, padding);
            checks.addAll(columns(c, written));
            List<String> header = SplatPly.header(cloud.count(), cloud.degree(), padding);
            checks.add(CheckResult.check("header", header.equals(strings(c.entry().path("header_lines"))), header.size() + " lines"));
            int headerBytes = header.stream().mapToInt(line -> line.length() + 1).sum();
            long rowBytes = cloud.count() == 0 ? 0 : (Files.size(written) - headerBytes) / cloud.count();
            checks.add(CheckResult.check("bytes per vertex", rowBytes == c.entry().path("bytes_per_vertex").asLong(-1), "wrote " + rowBytes));
            long mismatch = Files.mismatch(written, c.folder().resolve(c.entry().path("ply").asText()));
            checks.add(CheckResult.check("whole file", mismatch < 0, mismatch < 0 ? "identical" : "differs from byte " + mismatch));
            SplatPly.write(written, cloud, SplatPly.Padding.VIEWER);
            GaussianCloud back = SplatPly.read(written, cloud.degree(), SplatPly.Invalid.FAIL);
            checks.add(CheckResult.check("viewer layout read back", java.util.Arrays.equals(cloud.features(), back.features())
                    && java.util.Arrays.equals(cloud.rotation(), back.rotation()), "features and rotations"));
        } finally {
            Files.deleteIfExists(written);
            Files.delete(folder);
        }
        return checks;
    }

    /** The mask is a stored tensor, or described in words ("keeps every third Gaussian"). */
    private static int[] masked(GoldenCase c, String tensor, int count) throws IOException {
        if (c.has(tensor)) {
            double[] keep = c.doubles(tensor);
            return IntStream.range(0, keep.length).filter(i -> keep[i] != 0).toArray();
        }
        Matcher every = EVERY.matcher(c.entry().path("description").asText());
        if (!every.find()) {
            throw new GoldenException(c + ": neither a tensor '" + tensor + "' nor a description of the mask");
        }
        int step = ORDINALS.indexOf(every.group(1)) + 2;
        return IntStream.range(0, count).filter(i -> i % step == 0).toArray();
    }

    private static List<CheckResult> columns(GoldenCase c, Path written) throws IOException {
        List<String> names = new ArrayList<>();
        for (String line : strings(c.entry().path("header_lines"))) {
            Matcher m = FLOAT_PROPERTY.matcher(line);
            if (m.matches()) {
                names.add(m.group(1));
            }
        }
        try (PlyVertices in = PlyVertices.open(written)) {
            return List.of(CheckResult.of(c.compare("columns_float", joined(in, names))),
                    CheckResult.of(c.compare("columns_rgb", joined(in, List.of("red", "green", "blue")))));
        }
    }

    private static float[] joined(PlyVertices in, List<String> names) throws IOException {
        float[] out = new float[in.count() * names.size()];
        for (int p = 0; p < names.size(); p++) {
            float[] column = in.column(names.get(p));
            for (int i = 0; i < column.length; i++) {
                out[i * names.size() + p] = column[i];
            }
        }
        return out;
    }

    private static List<CheckResult> load(GoldenCase c) throws IOException {
        int degree = c.entry().path("sh_degree").asInt();
        GaussianCloud cloud = SplatPly.read(c.folder().resolve(c.entry().path("ply").asText()), degree, SplatPly.Invalid.FAIL);
        int coefficients = cloud.coefficients();
        float[] dc = new float[cloud.count() * 3];
        float[] rest = new float[cloud.count() * 3 * (coefficients - 1)];
        for (int i = 0; i < cloud.count(); i++) {
            System.arraycopy(cloud.features(), i * coefficients * 3, dc, i * 3, 3);
            System.arraycopy(cloud.features(), (i * coefficients + 1) * 3, rest, i * 3 * (coefficients - 1), 3 * (coefficients - 1));
        }
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            Comparison comparison = switch (name) {
                case "xyz" -> c.compare(name, cloud.xyz());
                case "features_dc" -> c.compare(name, dc);
                case "features_rest" -> c.compare(name, rest);
                case "opacity" -> c.compare(name, cloud.opacity());
                case "scaling" -> c.compare(name, cloud.scaling());
                case "rotation" -> c.compare(name, cloud.rotation());
                default -> Comparison.failure(name, c.tolerance(name), "this verifier has no rule for a tensor of this name");
            };
            checks.add(CheckResult.of(comparison));
        }
        return checks;
    }

    private static List<CheckResult> filters(GoldenCase c) throws IOException {
        GaussianCloud cloud = model(c);
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            String meaning = c.tensorEntry(name).path("meaning").asText();
            Matcher shrink = SHRINK.matcher(meaning);
            Matcher arguments = ARGUMENTS.matcher(meaning);
            if (shrink.find()) {
                checks.add(CheckResult.of(c.compare(name, GaussianFilter.keptByShrinking(cloud, Double.parseDouble(shrink.group(1))))));
            } else if (arguments.find()) {
                checks.add(CheckResult.of(c.compare(name, filter(new JsonMapper().readTree(arguments.group(1))).kept(cloud))));
            } else {
                checks.add(CheckResult.fail(name, "its meaning names no arguments: " + meaning));
            }
        }
        return checks;
    }

    private static GaussianFilter filter(JsonNode arguments) {
        JsonNode cameras = arguments.path("cam_origins");
        GaussianFilter.CameraDistances distances = null;
        if (cameras.isArray()) {
            float[][] origins = new float[cameras.size()][];
            for (int i = 0; i < origins.length; i++) {
                origins[i] = floats(cameras.get(i));
            }
            distances = new GaussianFilter.CameraDistances(origins, arguments.path("nearfar_percent").path(0).asDouble(),
                    arguments.path("nearfar_percent").path(1).asDouble());
        }
        return new GaussianFilter((float) arguments.path("opacity_thres").asDouble(), number(arguments.path("scaling_thres")),
                number(arguments.path("floater_thres")), arguments.path("crop_bbx").isArray() ? floats(arguments.path("crop_bbx")) : null, distances);
    }

    private static Float number(JsonNode node) {
        return node.isNumber() ? (Float) node.floatValue() : null;
    }

    private static float[] floats(JsonNode list) {
        float[] out = new float[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) list.get(i).asDouble();
        }
        return out;
    }

    private static List<CheckResult> plyFile(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        GaussianCloud cloud = SplatPly.read(c.path());
        checks.add(CheckResult.check("vertices", cloud.count() == c.entry().path("vertices").asLong(-1), "read " + cloud.count()));
        if (c.entry().has("bytes")) {
            checks.add(CheckResult.check("bytes", Files.size(c.path()) == c.entry().get("bytes").asLong(), "file has " + Files.size(c.path())));
        }
        return checks;
    }

    private static List<CheckResult> obj(GoldenCase c) throws IOException {
        String expected = Files.readString(c.path(), StandardCharsets.UTF_8);
        String first = expected.lines().findFirst().orElse("");
        String source = first.replaceFirst("^# Converted from ", "");
        String actual = PointObj.text(c.folder().resolve(Path.of(source).getFileName().toString()), source);
        return List.of(CheckResult.check("text", actual.equals(expected), actual.lines().count() + " lines, expected " + expected.lines().count()));
    }

    private static List<String> strings(JsonNode list) {
        List<String> out = new ArrayList<>();
        list.forEach(item -> out.add(item.asText()));
        return out;
    }
}
