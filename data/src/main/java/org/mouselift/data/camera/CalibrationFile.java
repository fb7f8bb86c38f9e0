package org.mouselift.data.camera;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.pickle.NumpyArray;
import org.mouselift.data.pickle.NumpyGlobals;
import org.mouselift.data.pickle.PickleException;
import org.mouselift.data.pickle.PickleReader;

/**
 * A source calibration: per camera K (3×3), R (3×3, world→camera) and T (3 numbers, also as a column or a row), as a list
 * or as a dictionary with the keys 0, 1, 2, … (mouse specification §2.2). Other keys are ignored, surplus cameras too; a
 * missing camera is an error. Cameras are never invented.
 */
public final class CalibrationFile {
    /** Largest allowed entry of {@code |R·Rᵀ − I|} and of {@code |det R − 1|}. */
    public static final double ORTHONORMALITY = 1e-4;

    private final Path file;

    private CalibrationFile(Path file) {
        this.file = file;
    }

    /**
     * Reads {@code cameras.json} (list of {K, R, T}).
     *
     * @param cameras how many cameras are needed
     */
    public static List<MammalCamera> readJson(Path file, int cameras) throws IOException {
        return new CalibrationFile(file).cameras(plain(CameraJson.at(file).read()), cameras);
    }

    /**
     * Reads {@code new_cam.pkl}: a restricted pickle, see {@link PickleReader}. Nothing in the file is executed.
     *
     * @throws PickleException     if the pickle is damaged or asks for anything but plain data and arrays of numbers
     * @throws CameraFileException if its content is no calibration
     */
    public static List<MammalCamera> readPickle(Path file, int cameras) throws IOException {
        byte[] bytes = CameraJson.at(file).bytes();
        return new CalibrationFile(file).cameras(new PickleReader(bytes, file.toString(), NumpyGlobals.all(bytes.length)).read(), cameras);
    }

    /** {@link #readPickle} or {@link #readJson}, by the first byte of the file. */
    public static List<MammalCamera> read(Path file, int cameras) throws IOException {
        byte[] bytes = CameraJson.at(file).bytes();
        return bytes.length > 0 && bytes[0] == (byte) 0x80 ? readPickle(file, cameras) : readJson(file, cameras);
    }

    private List<MammalCamera> cameras(Object root, int needed) throws CameraFileException {
        List<MammalCamera> out = new ArrayList<>();
        for (int i = 0; i < needed; i++) {
            Object camera = switch (root) {
                case List<?> list -> i < list.size() ? list.get(i) : null;
                case Map<?, ?> map -> map.containsKey((long) i) ? map.get((long) i) : map.get(String.valueOf(i));
                case null, default -> throw error(null, "is " + describe(root) + ", expected a list or a dictionary of "
                        + "cameras", "store [{K, R, T}, …]");
            };
            if (camera == null) {
                throw error("camera " + i, "is missing (" + describe(root) + ", " + needed + " cameras needed)",
                        "supply the calibration of every camera; none is invented");
            }
            if (!(camera instanceof Map<?, ?> fields)) {
                throw error("camera " + i, "is " + describe(camera) + ", expected a dictionary with K, R and T",
                        "store [{K, R, T}, …]");
            }
            out.add(camera(i, fields));
        }
        return List.copyOf(out);
    }

    private MammalCamera camera(int i, Map<?, ?> fields) throws CameraFileException {
        Mat3 k = Mat3.rowMajor(matrix(i, fields, "K"));
        Mat3 r = Mat3.rowMajor(matrix(i, fields, "R"));
        String at = "camera " + i;
        try {
            Intrinsics checked = Intrinsics.fromMatrix(k, 1, 1);
            if (!(checked.fx() > 0 && checked.fy() > 0)) {
                throw error(at + ": K", "has focal lengths " + checked.fx() + ", " + checked.fy() + ", expected positive ones",
                        "store [[fx,0,cx],[0,fy,cy],[0,0,1]]");
            }
        } catch (CameraException e) {
            throw new CameraFileException(file, at + ": K", e.getMessage(), e.remedy(), e);
        }
        double skew = r.orthonormalityError();
        double det = r.determinant();
        if (!(skew <= ORTHONORMALITY)) {
            throw error(at + ": R", "is not orthonormal: max |R·Rᵀ − I| = " + skew, "store the 3×3 world→camera rotation");
        }
        if (!(Math.abs(det - 1) <= ORTHONORMALITY)) {
            throw error(at + ": R", "has det R = " + det + ": the camera is mirrored (MFL-E126)",
                    "use OpenCV axes right, down, forward");
        }
        NumpyArray t = numbers(i, fields, "T");
        if (t.values().length != 3 || !List.of(List.of(3), List.of(3, 1), List.of(1, 3)).contains(t.shape())) {
            throw error(at + ": T", "has shape " + t.shape() + ", expected (3), (3,1) or (1,3)", "store the translation");
        }
        return new MammalCamera(k, r, new Vector3D(t.values()));
    }

    private double[] matrix(int i, Map<?, ?> fields, String key) throws CameraFileException {
        NumpyArray m = numbers(i, fields, key);
        if (!m.shape().equals(List.of(3, 3))) {
            throw error("camera " + i + ": " + key, "has shape " + m.shape() + ", expected (3,3)", "store a 3×3 matrix");
        }
        return m.values();
    }

    private NumpyArray numbers(int i, Map<?, ?> fields, String key) throws CameraFileException {
        String at = "camera " + i + ": " + key;
        if (!fields.containsKey(key)) {
            throw error(at, "is missing (keys: " + fields.keySet() + ")", "store K, R and T of every camera");
        }
        NumpyArray n;
        if (fields.get(key) instanceof NumpyGlobals.Array array) {
            try {
                n = array.toNumpyArray();
            } catch (IllegalArgumentException e) {
                throw error(at, "is not complete (" + e.getMessage() + ")", "write the file again");
            }
        } else {
            List<Double> flat = new ArrayList<>();
            List<Integer> shape = new ArrayList<>();
            flatten(at, fields.get(key), 0, shape, flat);
            n = new NumpyArray(shape, flat.stream().mapToDouble(Double::doubleValue).toArray());
        }
        for (double v : n.values()) {
            if (!Double.isFinite(v)) {
                throw error(at, "contains " + v, "recompute the calibration");
            }
        }
        return n;
    }

    private void flatten(String at, Object value, int depth, List<Integer> shape, List<Double> out)
            throws CameraFileException {
        if (value instanceof Number number) {
            if (shape.size() != depth) {
                throw error(at, "is a ragged list", "store rows of equal length");
            }
            out.add(number.doubleValue());
            return;
        }
        if (!(value instanceof List<?> list) || depth > 1) {
            throw error(at, "is " + describe(value) + ", expected numbers", "store a matrix of numbers");
        }
        if (shape.size() == depth) {
            if (!out.isEmpty()) {
                throw error(at, "is a ragged list", "store rows of equal length");
            }
            shape.add(list.size());
        }
        if (shape.get(depth) != list.size() || list.size() > 16) {
            throw error(at, "is a ragged or too long list", "store at most 3×3 numbers");
        }
        for (Object element : list) {
            flatten(at, element, depth + 1, shape, out);
        }
    }

    private static Object plain(JsonNode n) {
        if (n.isArray()) {
            List<Object> list = new ArrayList<>();
            n.forEach(e -> list.add(plain(e)));
            return list;
        }
        if (n.isObject()) {
            Map<Object, Object> map = new LinkedHashMap<>();
            n.properties().forEach(e -> map.put(e.getKey(), plain(e.getValue())));
            return map;
        }
        return n.isNumber() ? (Object) n.doubleValue() : n.isNull() ? null : n.asText();
    }

    private static String describe(Object o) {
        return switch (o) {
            case null -> "empty";
            case List<?> l -> "a list of " + l.size();
            case Map<?, ?> m -> "a dictionary of " + m.size();
            case NumpyGlobals.Array a -> "an array";
            default -> "a " + o.getClass().getSimpleName();
        };
    }

    private CameraFileException error(String field, String problem, String remedy) {
        return new CameraFileException(file, field, problem, remedy);
    }
}
