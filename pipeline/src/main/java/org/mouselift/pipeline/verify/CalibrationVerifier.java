package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.CalibrationFile;
import org.mouselift.data.camera.CameraFileException;
import org.mouselift.data.camera.MammalCamera;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.pickle.PickleException;

/** Calibration pickles: those that must load, exactly, and those that must be refused with a named cause. */
public final class CalibrationVerifier implements CaseVerifier {
    private static final String EXPECTED = "expected.json";

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        String kind = folder.kind(file);
        return kind.equals("camera_pickle") || kind.equals("must_fail") && folder.name().equals("cameras") && file.endsWith(".pkl");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        String folder = c.file().substring(0, c.file().lastIndexOf('/') + 1);
        String name = c.file().substring(folder.length());
        JsonNode all = GoldenFolder.readJson(c.folder().resolve(folder + EXPECTED));
        JsonNode expected = all.path("overrides").has(name) ? all.path("overrides").get(name) : all.get("default");
        boolean mustFail = c.kind().equals("must_fail");
        List<MammalCamera> cameras;
        try {
            cameras = CalibrationFile.readPickle(c.path(), expected.size());
        } catch (PickleException | CameraFileException e) {
            if (mustFail) {
                return List.of(CheckResult.pass("refused", e.getMessage()));
            }
            return List.of(c.entry().path("optional").asBoolean(false) ? CheckResult.pass("refused (optional)", e.getMessage())
                    : CheckResult.fail("loaded", e.getMessage()));
        }
        if (mustFail) {
            return List.of(CheckResult.fail("refused", "was accepted with " + cameras.size() + " cameras"));
        }
        List<CheckResult> out = new ArrayList<>();
        for (int i = 0; i < cameras.size(); i++) {
            MammalCamera m = cameras.get(i);
            JsonNode e = expected.get(i);
            out.add(CamerasVerifier.near("camera " + i + " K", flat(m.k()), numbers(e.get("K")), 0));
            out.add(CamerasVerifier.near("camera " + i + " R", flat(m.r()), numbers(e.get("R")), 0));
            out.add(CamerasVerifier.near("camera " + i + " T", m.t().toArray(), numbers(e.get("T")), 0));
        }
        return out;
    }

    private static double[] flat(Mat3 m) {
        double[] out = new double[9];
        for (int i = 0; i < 9; i++) {
            out[i] = m.get(i / 3, i % 3);
        }
        return out;
    }

    private static double[] numbers(JsonNode node) {
        List<Double> out = new ArrayList<>();
        for (JsonNode n : node) {
            if (n.isArray()) {
                n.forEach(x -> out.add(x.asDouble()));
            } else {
                out.add(n.asDouble());
            }
        }
        return out.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
